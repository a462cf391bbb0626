/**
 * The camera: opening it, and telling in one word why it did not open.
 */

const CONSTRAINTS = {
  audio: false,
  video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } },
};

/** Names that browsers give to the same trouble -> the panel of the page that explains it. */
const TROUBLES = new Map([
  ["NotAllowedError", "refused"],
  ["PermissionDeniedError", "refused"],
  ["SecurityError", "refused"],
  ["NotFoundError", "missing"],
  ["DevicesNotFoundError", "missing"],
  ["OverconstrainedError", "missing"],
  ["NotReadableError", "busy"],
  ["TrackStartError", "busy"],
  ["AbortError", "busy"],
]);

/** Raised when there is no picture; `trouble` names the panel. */
export class CameraTrouble extends Error {
  constructor(trouble) {
    super(trouble);
    this.trouble = trouble;
  }
}

/** Opens the front camera into the video element. Resolves to {stream, track, label}; rejects with CameraTrouble. */
export async function openCamera(video) {
  if (!window.isSecureContext) throw new CameraTrouble("insecure");
  if (!navigator.mediaDevices?.getUserMedia) throw new CameraTrouble("unsupported");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
  } catch (error) {
    throw new CameraTrouble(TROUBLES.get(error?.name) ?? "busy");
  }
  const [track] = stream.getVideoTracks();
  if (!track) throw new CameraTrouble("missing");
  video.srcObject = stream;
  try {
    await video.play();
  } catch {
    closeCamera(video);
    throw new CameraTrouble("busy");
  }
  return { stream, track, label: track.label };
}

/** Switches the camera's lamp off. */
export function closeCamera(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

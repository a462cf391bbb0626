/**
 * The home-visit form: puts the device's position into the form when the button is pressed, and says what came of it.
 */

const part = document.querySelector("#position");
const button = part.querySelector("#take-position");
const said = part.querySelector("#position-said");
const TIMEOUT_MS = 20000;

function put(name, value) {
  part.querySelector(`[name=${name}]`).value = value;
}

if ("geolocation" in navigator) {
  button.hidden = false;
  button.addEventListener("click", () => {
    said.textContent = part.dataset.taking;
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        put("latitude_deg", coords.latitude);
        put("longitude_deg", coords.longitude);
        put("accuracy_m", coords.accuracy);
        said.textContent = `${part.dataset.taken} ${Math.round(coords.accuracy)}`;
      },
      () => {
        said.textContent = part.dataset.problem;
      },
      { enableHighAccuracy: true, timeout: TIMEOUT_MS },
    );
  });
}

/**
 * Security keys (WebAuthn). [data-key="get"|"create"] holds a button, a hidden field and a line for what is happening; the options come
 * from data-options, the key's answer goes into the field, and the form around it is sent. Without WebAuthn it stays hidden.
 */

const token = document.querySelector('meta[name="csrf-token"]').content;

function bytes(text) {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function optionsFrom(address) {
  const answer = await fetch(address, { method: "POST", credentials: "same-origin", headers: { "X-CSRFToken": token } });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const options = await answer.json();
  options.challenge = bytes(options.challenge);
  if (options.user) options.user.id = bytes(options.user.id);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const one of list ?? []) one.id = bytes(one.id);
  }
  return options;
}

function told(credential) {
  const { response } = credential;
  const parts = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    parts.attestationObject = text(response.attestationObject);
    parts.transports = response.getTransports?.() ?? [];
  } else {
    parts.authenticatorData = text(response.authenticatorData);
    parts.signature = text(response.signature);
    parts.userHandle = response.userHandle ? text(response.userHandle) : null;
  }
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: parts, clientExtensionResults: {} });
}

async function ask(part) {
  const says = part.querySelector("[data-key-says]");
  const form = part.closest("form");
  if (part.dataset.key === "create" && !form.reportValidity()) return;
  says.textContent = "";
  part.setAttribute("aria-busy", "true");
  try {
    const publicKey = await optionsFrom(part.dataset.options);
    const credential = await navigator.credentials[part.dataset.key]({ publicKey });
    part.querySelector("[name=proof_key]").value = told(credential);
    form.submit();
  } catch {
    says.textContent = part.dataset.failed;
  } finally {
    part.removeAttribute("aria-busy");
  }
}

if (window.PublicKeyCredential) {
  for (const part of document.querySelectorAll("[data-key]")) {
    part.hidden = false;
    part.querySelector("[data-key-button]").addEventListener("click", () => ask(part));
  }
}

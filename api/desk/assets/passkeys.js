// Passkeys: a form that has options for one is shown where the browser knows them, and sent with what the device signed.
const bytesOf = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const textOf = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function decoded(options) {
  options.challenge = bytesOf(options.challenge);
  if (options.user) options.user.id = bytesOf(options.user.id);
  for (const each of options.excludeCredentials || []) each.id = bytesOf(each.id);
  return options;
}

function encoded(made) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (made.response[name]) response[name] = textOf(made.response[name]);
  return JSON.stringify({ id: made.id, rawId: textOf(made.rawId), type: made.type, clientExtensionResults: {}, response });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const told = form.querySelector("[role=status]");
    told.textContent = "";
    try {
      const publicKey = decoded(JSON.parse(form.dataset.passkey));
      const made = await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      form.elements.preuve.value = encoded(made);
      form.submit();
    } catch {
      told.textContent = form.dataset.refused;
    }
  });
}

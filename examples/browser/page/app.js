// The application's own part: what to show, and when. Everything about tokens
// is in watchword.js.
import { Client, AuthError } from "/watchword.js";

const { mode } = await (await fetch("/mode.json")).json();
const auth = new Client({ mode });
const $ = (id) => document.getElementById(id);

function note(text) {
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  $("log").prepend(line);
}

function show() {
  $("signin").hidden = auth.signedIn;
  $("account").hidden = !auth.signedIn;
  $("claims").replaceChildren();
  for (const [name, value] of Object.entries(auth.claims ?? {})) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = typeof value === "object" ? JSON.stringify(value) : value;
    $("claims").append(term, text);
  }
}

async function call(method) {
  try {
    const answer = await auth.fetch("/api/orders", { method });
    note(`${method} /api/orders: ${answer.status}`);
    if (answer.ok) $("orders").value = (await answer.json()).orders;
  } catch (error) {
    note(`${method} /api/orders: ${error.message}`);
  }
  show();
}

for (const type of ["signedin", "refreshed", "signedout"]) {
  auth.addEventListener(type, () => { note(type); show(); });
}

const refusals = {
  invalid_credentials: "Name or password are wrong.",
  rate_limited: "Too many attempts. Try again later.",
  network: "The server cannot be reached.",
};

$("signin").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  $("refused").textContent = "";
  button.disabled = true; // one sign-in at a time
  try {
    await auth.signIn(form.login.value, form.password.value);
    form.reset();
    await call("GET");
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    $("refused").textContent = refusals[error.code] ?? `That did not work: ${error.message}.`;
  } finally {
    button.disabled = false;
  }
});
$("read").addEventListener("click", () => call("GET"));
$("order").addEventListener("click", () => call("POST"));
for (const [id, everywhere] of [["signout", false], ["everywhere", true]]) {
  $(id).addEventListener("click", () => auth.signOut({ everywhere }).catch((error) => note(error.message)));
}

show();
if (auth.signedIn) await call("GET");
document.body.dataset.ready = "";

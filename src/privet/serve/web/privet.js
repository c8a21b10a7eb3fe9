// The local page of `privet serve`. Rules it keeps:
// - The key lives in one variable of this module: never in storage, a cookie, an address or an attribute.
// - Whatever comes from a person, a model or the server becomes a text node, never markup.
// - It calls its own origin only, with fetch, and sends nothing before a button or a key is pressed.

const REFRESH_MS = 4000;
const ANSWER_TOKENS = 512;
const HUES = 10;
const HUE_SEED = 5221; // gives the ten most frequent kinds ten different hues
const EXAMPLE =
  "Repeat this note exactly: Maria can be reached at maria@example.com or +1 202-555-0143. Her card " +
  "4111 1111 1111 1111 was charged, and the login from 192.0.2.17 was blocked.";

const NOTHING = { typed: "Nothing was marked.", saw: "Nothing was sent to the model.", back: "Nothing came back." };

let key = "";
let run = null; // AbortController of the request in work
let known = null; // the last posture
let refreshing = false;

const $ = (id) => document.getElementById(id);

// ---- small DOM tools

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Set a text only when it changes, so that live regions stay quiet. */
function say(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/** Return the colour class of a kind: the same kind always has the same hue. */
function hue(kind) {
  let hash = HUE_SEED;
  for (const letter of kind) hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return `k${(hash >>> 8) % HUES}`;
}

const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// ---- talking to the endpoint

class Problem extends Error {
  constructor(error, status = 0, request = null) {
    super(error.message || "the endpoint gave no reason");
    Object.assign(this, { code: error.code, param: error.param, type: error.type, status, request });
  }
}

/** Fetch a route of this endpoint with the key; raise Problem for anything but success. */
async function call(path, body, signal) {
  const headers = { Authorization: `Bearer ${key}` };
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal,
      cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ message: "the endpoint does not answer: is privet serve still running?", code: "unreachable" });
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  const problem = new Problem(answer.error ?? {}, response.status, response.headers.get("x-request-id"));
  if (response.status === 401) disconnect("That key was not accepted. Paste the one that privet serve printed.");
  throw problem;
}

const cut = () => new Problem({ message: "the answer was cut before its end", code: "stream_cut" });

/** Yield the JSON of each server-sent event; a stream without [DONE] was cut. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      throw error.name === "AbortError" ? error : cut();
    });
    const lines = (rest + (value ?? "")).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines.filter((text) => text.startsWith("data:"))) {
      const data = line.slice(5).trim();
      if (data === "[DONE]") return;
      yield JSON.parse(data);
    }
    if (done) throw cut();
  }
}

// ---- the key

async function connect() {
  const given = $("key").value.trim();
  if (!/^[\x21-\x7e]+$/.test(given)) {
    disconnect(given ? "A key has no spaces and no accents. Paste it again." : "Paste the API key first.");
    return;
  }
  key = given;
  $("connect-button").setAttribute("aria-busy", "true");
  try {
    const models = (await (await call("/v1/models")).json()).data;
    showModels(models.map((model) => model.id));
    $("key").value = "";
    say("key-alert", "");
    toggleConnected(true);
    if (!$("playground").hidden) $("prompt").focus();
    await refresh();
  } catch (error) {
    if (error.status !== 401) say("key-alert", error.message);
    key = "";
  } finally {
    $("connect-button").removeAttribute("aria-busy");
  }
}

function disconnect(reason = "") {
  key = "";
  known = null;
  run?.abort();
  toggleConnected(false);
  say("key-alert", reason);
  $("key").value = "";
  $("key").focus();
}

function toggleConnected(on) {
  $("connect").hidden = $("posture-empty").hidden = on;
  for (const id of ["banner", "forget", "where", "posture-body"]) $(id).hidden = !on;
  if (!on) showModels([]);
}

function showModels(ids) {
  const options = ids.length ? ids.map((id) => el("option", { value: id }, id)) : [el("option", { value: "" }, "connect first")];
  $("model").replaceChildren(...options);
}

// ---- playground: texts with marks

/** Split a text at ranges given in code points: JavaScript's own offsets are UTF-16 units. */
function pieces(text, ranges) {
  const points = Array.from(text);
  const cut = (start, end) => points.slice(start, end).join("");
  const result = [];
  let at = 0;
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    if (range.start < at || range.end > points.length) continue;
    result.push({ text: cut(at, range.start) }, { text: cut(range.start, range.end), ...range });
    at = range.end;
  }
  result.push({ text: cut(at) });
  return result.filter((piece) => piece.text);
}

/** Return nodes for pieces; `look` is typed, token, restored or label. */
function marked(list, look) {
  return list.map((piece) => {
    if (!piece.kind) return piece.text;
    const shape = piece.look ?? look;
    return el("mark", { class: `${hue(piece.kind)} ${shape}`, "data-kind": piece.kind, "data-same": piece.token }, piece.text);
  });
}

function fieldName(field, body) {
  const index = /^messages\[(\d+)\]/.exec(field)?.[1];
  return body.messages[index]?.role ?? field;
}

function showParts(parts, body) {
  const side = (name, content) => parts.map((part) => el("div", { class: "part" },
    parts.length > 1 ? el("p", { class: "role" }, fieldName(part.field, body)) : null,
    el("p", { class: "words", "data-side": name }, ...content(part))));
  $("typed").replaceChildren(...side("typed", (part) => {
    const tokens = new Map(part.tokens.map((token) => [token.typed_start, token.token]));
    return marked(pieces(part.typed, part.spans.map((span) => ({ ...span, token: tokens.get(span.start) }))), "typed");
  }));
  $("saw").replaceChildren(...side("saw", (part) => marked(pieces(part.sent, part.tokens), "token")));
}

/** Return a function that splits an answer at restored identifiers and at redaction labels. */
function answerReader(parts) {
  const values = new Map();
  for (const part of parts) {
    const points = Array.from(part.typed);
    for (const token of part.tokens) values.set(points.slice(token.typed_start, token.typed_end).join(""), token);
  }
  const kinds = known?.settings.find((setting) => setting.id === "detect.kinds")?.value;
  const label = kinds?.length ? kinds.map(quote).join("|") : "[A-Z]+(?:_[A-Z]+)*";
  const words = [...values.keys()].sort((a, b) => b.length - a.length).map(whole);
  const pattern = new RegExp([...words, `\\[(?<label>${label})\\]`].join("|"), "gu");
  const own = parts.map((part) => part.typed).join("\n");
  return (text) => {
    const result = [];
    let at = 0;
    for (const hit of text.matchAll(pattern)) {
      const kind = hit.groups.label;
      if (kind && own.includes(hit[0])) continue; // the person wrote that label, nobody redacted it
      const piece = kind ? { kind, look: "label" } : { kind: values.get(hit[0]).kind, token: values.get(hit[0]).token };
      result.push({ text: text.slice(at, hit.index) }, { text: hit[0], ...piece });
      at = hit.index + hit[0].length;
    }
    result.push({ text: text.slice(at) });
    return result.filter((piece) => piece.text);
  };
}

const quote = (text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** Match a value as a whole word where it begins or ends like one, so that "Al" is not found in "Also". */
function whole(value) {
  const before = /^[A-Za-z0-9]/.test(value) ? "(?<![A-Za-z0-9])" : "";
  const after = /[A-Za-z0-9]$/.test(value) ? "(?![A-Za-z0-9])" : "";
  return before + quote(value) + after;
}

function showLegend(parts, answer = []) {
  const counts = new Map();
  const count = (kind, what) => {
    if (!counts.has(kind)) counts.set(kind, new Map());
    counts.get(kind).set(what, (counts.get(kind).get(what) ?? 0) + 1);
  };
  for (const part of parts) for (const token of part.tokens) count(token.kind, "masked");
  for (const piece of answer) if (piece.kind) count(piece.kind, piece.look === "label" ? "redacted" : "restored");
  $("legend").replaceChildren(...[...counts].map(([kind, what]) =>
    el("li", { class: hue(kind), "data-kind": kind }, el("b", {}, kind),
      el("span", {}, [...what].map(([name, number]) => `${number} ${name}`).join(", ")))));
}

// ---- playground: one request

function chatBody() {
  const messages = [{ role: "user", content: $("prompt").value }];
  if ($("system").value.trim()) messages.unshift({ role: "system", content: $("system").value });
  return { model: $("model").value, messages, stream: true, max_tokens: ANSWER_TOKENS, temperature: 0 };
}

async function start(previewOnly) {
  if (run) return;
  if (!key) return disconnect("Paste the API key first.");
  if (!$("prompt").value.trim()) {
    say("run-status", "Write a prompt first, or try the example.");
    return $("prompt").focus();
  }
  const body = chatBody();
  const mine = new AbortController();
  running(mine);
  clearRun();
  try {
    const { parts } = await (await call("/privet/preview", body, mine.signal)).json();
    showParts(parts, body);
    showLegend(parts);
    const masked = parts.reduce((sum, part) => sum + part.tokens.length, 0);
    say("run-status", masked ? `${plural(masked, "identifier")} masked.` : "No identifier found: the model gets your text as it is.");
    if (previewOnly) $("back").replaceChildren(note("The model was not asked: this was a preview."));
    else await stream(body, parts, mine.signal);
  } catch (error) {
    say("run-status", error.name === "AbortError" ? "Stopped." : "");
    if (error.name !== "AbortError") showProblem(error);
    for (const [id, text] of Object.entries(NOTHING)) if (!$(id).textContent) $(id).replaceChildren(note(text));
  } finally {
    running(null);
  }
  if (key) await refresh();
}

const note = (text) => el("p", { class: "empty" }, text);

function running(controller) {
  run = controller;
  const stopHadFocus = document.activeElement === $("stop");
  const buttonHadFocus = [$("send"), $("preview")].includes(document.activeElement);
  $("stop").hidden = !controller;
  $("send").hidden = $("preview").hidden = Boolean(controller);
  $("back").setAttribute("aria-busy", String(Boolean(controller)));
  if (controller && buttonHadFocus) $("stop").focus();
  if (!controller && stopHadFocus) $("send").focus();
}

function clearRun() {
  $("problem").replaceChildren();
  for (const id of ["typed", "saw", "back"]) $(id).replaceChildren();
  showLegend([]);
  say("run-status", "Masking…");
}

/** Show the answer while it arrives, at most once a frame. */
async function stream(body, parts, signal) {
  const read = answerReader(parts);
  const words = el("p", { class: "words streaming", "data-side": "back" });
  $("back").replaceChildren(words);
  const began = performance.now();
  let text = "";
  let first = 0;
  let frame = 0;
  const draw = () => {
    frame = 0;
    words.replaceChildren(...marked(read(text), "restored"));
    $("back").scrollTop = $("back").scrollHeight;
  };
  say("run-status", "The model is thinking…");
  try {
    const response = await call("/v1/chat/completions", body, signal);
    for await (const event of events(response)) {
      if (event.error) throw new Problem(event.error, response.status, response.headers.get("x-request-id"));
      const delta = event.choices?.[0]?.delta?.content;
      if (!delta) continue;
      first ||= performance.now();
      text += delta;
      frame ||= requestAnimationFrame(draw);
    }
    say("run-status", text
      ? `First words after ${seconds(first - began)}, all after ${seconds(performance.now() - began)}.` : "The model answered with nothing.");
  } finally {
    cancelAnimationFrame(frame);
    draw();
    words.classList.remove("streaming");
    showLegend(parts, read(text));
  }
}

const seconds = (ms) => (ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`);

function showProblem(error) {
  const refused = error.code === "privacy_refused";
  const facts = [["rule", error.code], ["field", error.param], ["type", error.type], ["request", error.request]];
  $("problem").replaceChildren(icon(refused ? "warn" : "fail"), el("div", {},
    el("p", { class: "title" }, refused ? "Refused to protect you" : "That did not work"),
    el("p", { class: "message" }, error instanceof Problem ? error.message : "the answer could not be read"),
    el("dl", {}, ...facts.filter(([, value]) => value)
      .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))))));
}

/** Light up the same identifier on every side. */
function lightUp(event) {
  const same = event.target.closest?.("mark")?.dataset.same;
  for (const mark of document.querySelectorAll("mark")) mark.classList.toggle("lit", Boolean(same) && mark.dataset.same === same);
}

// ---- posture

async function refresh(verify = false) {
  if (!key || (refreshing && !verify)) return;
  refreshing = true;
  try {
    const posture = await (await call(verify ? "/privet/verify" : "/privet/posture", verify ? {} : undefined)).json();
    if (!key) return;
    known = posture;
    showPosture(known);
  } catch (error) {
    if (error.status !== 401 && key) showBanner({ tone: "bad", title: "The posture cannot be read", detail: error.message });
  } finally {
    refreshing = false;
  }
}

async function verify() {
  const button = $("verify");
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  say("verify", "Verifying…");
  await refresh(true);
  button.removeAttribute("aria-busy");
  say("verify", "Verify now");
}

function showPosture(posture) {
  say("where", [posture.model, `v${posture.version}`].filter(Boolean).join(" · "));
  showBanner(verdict(posture.settings));
  showTiles(posture);
  showBars("masked", posture.counts.masked, "Nothing yet: send a prompt with an identifier in it.", true);
  showBars("redacted", posture.counts.redacted, "Nothing yet: no answer held an identifier that its prompt did not.", true);
  showBars("refused", posture.counts.refused, "Nothing yet: no request asked for something unsafe.", false);
  showSettings(posture.settings);
}

/** Return the one sentence about all protections. */
function verdict(settings) {
  const names = (list) => list.map((setting) => setting.id).join(", ");
  const failed = settings.filter((setting) => setting.verified && !setting.verified.ok);
  const untested = settings.filter((setting) => !setting.verified);
  const weakened = settings.filter((setting) => setting.state === "exception");
  const total = settings.length;
  const latest = settings.map((setting) => setting.verified?.at ?? "").sort().at(-1);
  if (failed.length) return { tone: "bad", title: `${failed.length} of ${total} protections failed`, detail: names(failed) };
  if (untested.length) {
    return { tone: "warn", title: `${total - untested.length} of ${total} protections verified`, detail: `Not tested yet: ${names(untested)}` };
  }
  if (weakened.length) {
    return { tone: "warn", title: `All ${total} protections verified, ${weakened.length} weakened by exception`, detail: names(weakened) };
  }
  return { tone: "good", title: `All ${total} protections verified`, detail: `Last self-test ${ago(latest)}` };
}

function showBanner({ tone, title, detail }) {
  $("banner").className = `banner ${tone}`;
  $("banner-mark").replaceChildren(icon({ good: "pass", warn: "warn", bad: "fail" }[tone]));
  say("banner-title", title);
  say("banner-detail", detail);
}

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);

function showTiles({ settings, counts, uptime_seconds: uptime }) {
  const passed = settings.filter((setting) => setting.verified?.ok).length;
  const tiles = [
    ["protections verified", `${passed} / ${settings.length}`], ["requests", counts.requests], ["masked", sum(counts.masked)],
    ["redacted", sum(counts.redacted)], ["refused", sum(counts.refused)], ["up for", duration(uptime)],
  ];
  $("tiles").replaceChildren(...tiles.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "number" ? value.toLocaleString("en") : value))));
}

function showBars(id, counts, nothing, coloured) {
  const rows = Object.entries(counts).filter(([, count]) => count).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const most = rows[0]?.[1] ?? 1;
  $(id).replaceChildren(...rows.map(([name, count]) => {
    const bar = el("i", { class: coloured ? hue(name) : "" });
    bar.style.width = `${Math.max(2, (100 * count) / most)}%`;
    return el("li", { "data-name": name }, el("span", {}, name), el("b", {}, count.toLocaleString("en")), bar);
  }));
  if (!rows.length) $(id).append(el("li", { class: "empty" }, nothing));
}

/** Draw a row only when its setting changed: an open list or a selection survives the refresh. */
function showSettings(settings) {
  const table = $("posture-body").querySelector("table");
  for (const setting of settings) {
    const section = setting.id.split(".")[0];
    let group = table.querySelector(`tbody[data-section="${CSS.escape(section)}"]`);
    if (!group) {
      group = el("tbody", { role: "rowgroup", "data-section": section },
        el("tr", { role: "row", class: "section" }, el("th", { role: "rowheader", scope: "rowgroup", colspan: 4 }, section)));
      table.append(group);
    }
    showSetting(group, setting);
  }
  for (const time of table.querySelectorAll("time")) if (time.textContent !== ago(time.dateTime)) time.textContent = ago(time.dateTime);
}

function showSetting(group, setting) {
  const old = group.querySelector(`tr[data-setting="${CSS.escape(setting.id)}"]`);
  const { verified, ...rest } = setting;
  const drawn = JSON.stringify([rest, verified?.ok, verified?.how]);
  if (old?.drawn === drawn) {
    if (verified) old.querySelector("time").dateTime = verified.at;
    return;
  }
  const row = el("tr", { role: "row", "data-setting": setting.id },
    el("th", { role: "rowheader", scope: "row" }, el("code", {}, setting.id), el("p", { class: "says" }, setting.says), el("p", { class: "why" }, setting.reason)),
    el("td", { role: "cell", class: "value" }, valueNode(setting)),
    el("td", { role: "cell", class: "state" }, ...stateNodes(setting)),
    el("td", { role: "cell", class: "verified" }, ...verifiedNodes(verified)));
  row.drawn = drawn;
  if (old) old.replaceWith(row);
  else group.append(row);
}

function valueNode({ id, value }) {
  if (Array.isArray(value)) {
    if (!value.length) return el("code", {}, "none");
    const list = el("ul", {}, ...value.map((item) => el("li", {}, String(item))));
    return el("details", {}, el("summary", {}, plural(value.length, "entry", "entries")), list);
  }
  if (typeof value === "number") return el("code", {}, quantity(id, value));
  return el("code", {}, String(value));
}

function quantity(id, value) {
  if (id.endsWith("_bytes")) return value >= 2 ** 20 ? `${+(value / 2 ** 20).toFixed(1)} MiB` : `${+(value / 2 ** 10).toFixed(1)} KiB`;
  if (id.endsWith("_seconds")) return `${value.toLocaleString("en")} s`;
  return value.toLocaleString("en");
}

function stateNodes({ state, exception }) {
  const names = { default: "on", tightened: "tightened", exception: "weakened" };
  const badge = el("span", { class: `badge ${state}` }, names[state] ?? state);
  if (!exception) return [badge];
  return [badge, el("p", { class: "why" }, `${exception.reason} (${exception.owner}, until ${exception.expires})`)];
}

function verifiedNodes(verified) {
  if (!verified) return [el("span", { class: "check none" }, icon("none"), "not tested yet")];
  return [
    el("span", { class: `check ${verified.ok ? "pass" : "fail"}` }, icon(verified.ok ? "pass" : "fail"),
      verified.ok ? "passed " : "failed ", el("time", { datetime: verified.at }, ago(verified.at))),
    el("p", { class: "why" }, verified.how),
  ];
}

function duration(total) {
  const [days, hours, minutes] = [Math.floor(total / 86400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${Math.floor(total)} s`;
}

function ago(at) {
  const past = (Date.now() - Date.parse(at)) / 1000;
  return past < 5 ? "just now" : `${duration(past)} ago`;
}

// ---- the page

function showTab(name) {
  for (const tab of ["playground", "posture"]) {
    const on = tab === name;
    $(tab).hidden = !on;
    $(`tab-${tab}`).setAttribute("aria-selected", String(on));
    $(`tab-${tab}`).tabIndex = on ? 0 : -1;
  }
}

function wire() {
  $("connect-button").addEventListener("click", connect);
  $("key").addEventListener("keydown", (event) => event.key === "Enter" && connect());
  $("forget").addEventListener("click", () => disconnect());
  $("verify").addEventListener("click", verify);
  $("send").addEventListener("click", () => start(false));
  $("preview").addEventListener("click", () => start(true));
  $("stop").addEventListener("click", () => run?.abort());
  $("example").addEventListener("click", () => {
    $("prompt").value = EXAMPLE;
    $("prompt").focus();
  });
  for (const id of ["prompt", "system"]) {
    $(id).addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
      event.preventDefault();
      start(false);
    });
  }
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.addEventListener("click", () => showTab(tab.id.slice(4)));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = document.querySelector("[role=tab][aria-selected=false]");
      showTab(other.id.slice(4));
      other.focus();
    });
  }
  document.addEventListener("pointerover", lightUp);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
  setInterval(() => document.visibilityState === "visible" && refresh(), REFRESH_MS);
}

wire();

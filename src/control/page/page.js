// The page of margayd: reads the control API, and shows what it says. It changes nothing, and loads nothing from elsewhere.
"use strict";

const INTERVAL = 2000;
const READINGS = 150;
const SHOWN_PEERS = 500;
const SHOWN_EVENTS = 200;

const byId = (id) => document.getElementById(id);

// With a token file, the address ends with "#token=…"; the part after "#" is not sent to any server.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const headers = token ? { Authorization: `Bearer ${token}` } : {};

async function ask(target) {
  const response = await fetch(target, { headers });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || response.statusText);
  return body;
}

// Elements are made with text, never with markup: names come from files and from peers.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  return filled(made, attributes, children);
}

function drawing(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function span(seconds) {
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${minutes}m${two(seconds % 60)}s`;
  if (seconds < 86400) return `${hours}h${two(minutes % 60)}m`;
  return `${days}d${two(hours % 24)}h`;
}

function rateText(rate) {
  if (rate < 0.05) return "·";
  return rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en");
}

// --- sessions and rates

let former = null;
const sums = [];

function rateOf(peer) {
  const before = former && former.peers.get(peer.name);
  if (!before) return { received: 0, sent: 0 };
  const seconds = Math.max((performance.now() - former.at) / 1000, 0.001);
  const difference = (key) => Math.max(peer.messages[key] - before[key], 0) / seconds;
  return { received: difference("updates_received"), sent: difference("updates_sent") };
}

function stateOf(peer) {
  if (peer.held_down) return ["off", "down"];
  if (peer.state === "established") return ["up", "Established"];
  const names = { idle: "Idle", connect: "Connect", active: "Active", open_sent: "OpenSent", open_confirm: "OpenConfirm" };
  return ["down", names[peer.state] || peer.state];
}

function showSessions(peers, rates) {
  const wanted = byId("wanted").value.trim();
  const chosen = peers.filter((peer) => peer.name.includes(wanted));
  chosen.sort((a, b) => (a.state === "established") - (b.state === "established"));
  const rows = chosen.slice(0, SHOWN_PEERS).map((peer) => {
    const [style, state] = stateOf(peer);
    const rate = rates.get(peer.name);
    const number = (value) => element("td", { class: "number" }, String(value));
    return element("tr", {},
      element("td", peer.description ? { title: peer.description } : {}, peer.name),
      element("td", { class: style }, state),
      element("td", {}, span(peer.since_seconds)),
      number(peer.prefixes.received), number(peer.prefixes.accepted), number(peer.prefixes.advertised),
      number(rateText(rate.received + rate.sent)),
      element("td", {}, peer.held_down || peer.last_error || ""));
  });
  byId("sessions").tBodies[0].replaceChildren(...rows);
  const left = chosen.length - rows.length;
  byId("more").hidden = left === 0;
  byId("more").textContent = `${left} more with a session: write a part of the name above`;
}

function showRates() {
  const highest = Math.max(1, ...sums.map((sum) => Math.max(sum.received, sum.sent)));
  const points = (key) => sums.map((sum, at) => `${at},${100 - (sum[key] / highest) * 96}`).join(" ");
  const chart = byId("rates");
  chart.setAttribute("viewBox", `0 0 ${READINGS - 1} 101`);
  chart.replaceChildren(
    drawing("polyline", { class: "received-line", points: points("received") }),
    drawing("polyline", { class: "sent-line", points: points("sent") }));
  const last = sums[sums.length - 1];
  byId("rates-now").textContent = last ? `now ${rateText(last.received)} and ${rateText(last.sent)}, at most ${rateText(highest)}` : "";
}

// --- the map: the speaker in the middle, the peers around it, side by side with those of their group

function showMap(peers) {
  const group = (peer) => (peer.export_groups[0] ? peer.export_groups[0].group : Infinity);
  const ring = [...peers].sort((a, b) => group(a) - group(b) || a.name.localeCompare(b.name));
  const [width, height, middle] = [400, 320, { x: 200, y: 160 }];
  const radius = Math.max(2, Math.min(9, 400 / Math.max(ring.length, 1)));
  const shapes = [];
  ring.forEach((peer, at) => {
    const angle = (at / ring.length) * 2 * Math.PI - Math.PI / 2;
    const [x, y] = [middle.x + 130 * Math.cos(angle), middle.y + 120 * Math.sin(angle)];
    const [style, state] = stateOf(peer);
    const members = peer.export_groups.map((one) => `${one.family} group ${one.group}`).join(", ");
    if (style === "up") shapes.push(drawing("line", { class: "spoke", x1: middle.x, y1: middle.y, x2: x, y2: y }));
    shapes.push(drawing("circle", { class: `dot-${style}`, cx: x, cy: y, r: radius },
      drawing("title", {}, `${peer.name}: ${state}${members ? ", " + members : ""}`)));
    if (ring.length <= 24) {
      const anchor = Math.cos(angle) > 0.3 ? "start" : Math.cos(angle) < -0.3 ? "end" : "middle";
      const label = drawing("text", { x: x + 12 * Math.cos(angle), y: y + 16 * Math.sin(angle) + 4, "text-anchor": anchor }, peer.name);
      shapes.push(label);
    }
  });
  shapes.push(drawing("circle", { class: "hub", cx: middle.x, cy: middle.y, r: 12 }));
  byId("map").setAttribute("viewBox", `-60 0 ${width + 120} ${height}`);
  byId("map").replaceChildren(...shapes);
}

// --- why a prefix is routed as it is: its paths on the left, where it is advertised on the right

function pathLook(path) {
  const status = path.status;
  switch (status.is) {
    case "best": return ["best", "best"];
    case "multipath": return ["best", "shares the traffic"];
    case "lost": return ["lost", `lost: ${status.step}`];
    default: return ["out", status.reason];
  }
}

function showExplanation(explanation) {
  const paths = explanation.paths.slice(0, 12);
  const advertised = explanation.advertisements.slice(0, 12);
  const rows = Math.max(paths.length, advertised.length, 1);
  const [row, width] = [46, 900];
  const height = rows * row + 20;
  const center = height / 2;
  const top = (at, count) => center - (count * row) / 2 + at * row;
  const clipped = (text, length) => (text.length > length ? text.slice(0, length - 1) + "…" : text);
  const box = (x, y, w, style, title, note) => [
    drawing("rect", { class: `box ${style}`, x, y, width: w, height: 38, rx: 6 }),
    drawing("text", { x: x + 8, y: y + 16 }, clipped(title, Math.floor(w / 7))),
    drawing("text", { class: "faint", x: x + 8, y: y + 31 }, clipped(note, Math.floor(w / 6.4))),
  ];
  const edge = (x1, y1, x2, y2, style) =>
    drawing("path", { class: `edge ${style}`, d: `M${x1} ${y1} C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` });
  const shapes = [];
  paths.forEach((path, at) => {
    const [style, note] = pathLook(path);
    const from = path.route.peer || path.route.source;
    const y = top(at, paths.length);
    shapes.push(edge(310, y + 19, 370, center, style), ...box(10, y, 300, style, `${from} ${path.route.as_path}`, note));
  });
  const installed = explanation.installation;
  const kernel = !installed ? "no kernel" : installed.is === "installed" ? installed.next_hops.join(", ") : installed.reason;
  shapes.push(...box(370, center - 19, 200, "best", explanation.prefix, kernel));
  advertised.forEach((peer, at) => {
    const style = peer.withheld ? "out" : "best";
    const y = top(at, advertised.length);
    shapes.push(edge(570, center, 630, y + 19, style), ...box(630, y, 260, style, peer.peer, peer.withheld || "advertised"));
  });
  const picture = byId("picture");
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  byId("picture-title").textContent = `Paths to ${explanation.prefix}, and where it is advertised`;
  picture.replaceChildren(byId("picture-title"), ...shapes);
  const reasons = explanation.paths.map((path) => {
    const [style, note] = pathLook(path);
    const via = path.route.next_hop ? ` via ${path.route.next_hop}` : "";
    return element("li", { class: style === "out" ? "down" : style === "best" ? "up" : "off" },
      `${path.route.peer || path.route.source}${via}, path ${path.route.as_path || "of this AS"}: ${note}`);
  });
  for (const pass of explanation.filters) {
    reasons.push(element("li", {}, `${pass.direction} filters of ${pass.peers.join(", ")}: ${pass.verdict}`));
  }
  const hidden = explanation.paths.length - paths.length + explanation.advertisements.length - advertised.length;
  if (hidden > 0) reasons.push(element("li", {}, `${hidden} more paths and peers than the picture has room for`));
  byId("reasons").replaceChildren(...reasons);
  byId("explanation").hidden = false;
}

byId("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const destination = byId("destination").value.trim();
  if (!destination) return;
  try {
    showExplanation(await ask(`v1/explain?prefix=${encodeURIComponent(destination)}`));
    fail(null);
  } catch (error) {
    byId("explanation").hidden = true;
    fail(error.message);
  }
});

// --- events

function eventText(event) {
  switch (event.kind) {
    case "session_up": return ["up", `${event.peer} established with ${event.address}`];
    case "session_down": return ["down", `${event.peer} down: ${event.reason}`];
    case "best_route": return ["", event.route ? `${event.prefix} from ${event.route.peer || event.route.source}` : `${event.prefix} has no route any more`];
    case "reload": return event.refused ? ["down", `reload refused: ${event.errors} errors`] : ["", `reloaded: ${event.changes} changes`];
    case "kernel_refused": return ["down", `${event.prefix} is not in the kernel: ${event.reason}`];
    case "lost": return ["down", `${event.events} events are missing here`];
    default: return ["", event.kind];
  }
}

function showEvent(event) {
  const [style, text] = eventText(event);
  const time = new Date(event.time * 1000);
  const line = element("li", style ? { class: style } : {},
    element("time", { datetime: time.toISOString() }, time.toLocaleTimeString("en-GB")), text);
  const list = byId("events");
  list.prepend(line);
  while (list.children.length > SHOWN_EVENTS) list.lastChild.remove();
}

// fetch can carry the token, EventSource cannot.
async function follow() {
  for (;;) {
    try {
      const response = await fetch("v1/events", { headers });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let begun = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (begun + value).split("\n");
        begun = lines.pop();
        for (const line of lines) if (line.startsWith("data: ")) showEvent(JSON.parse(line.slice(6)));
      }
    } catch (error) {
      // The readings below say what is wrong.
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

// --- readings

function fail(reason) {
  byId("failure").hidden = !reason;
  byId("failure").textContent = reason || "";
}

function showSummary(status) {
  const flags = [status.draining && "draining", status.holding_back && "holding back"].filter(Boolean);
  byId("summary").textContent = [
    `AS ${status.asn}`, status.router_id, `version ${status.version}`, `up ${span(status.uptime_seconds)}`,
    `${status.peers_established}/${status.peers} sessions`, `${status.rib.prefixes.toLocaleString("en")} prefixes`,
    `${status.rib.paths.toLocaleString("en")} paths`, ...flags].join(" · ");
}

async function readOnce() {
  const [status, { peers }] = await Promise.all([ask("v1/status"), ask("v1/peers")]);
  const rates = new Map(peers.map((peer) => [peer.name, rateOf(peer)]));
  if (former) {
    const sum = { received: 0, sent: 0 };
    for (const rate of rates.values()) { sum.received += rate.received; sum.sent += rate.sent; }
    sums.push(sum);
    if (sums.length > READINGS) sums.shift();
  }
  former = { at: performance.now(), peers: new Map(peers.map((peer) => [peer.name, peer.messages])) };
  showSummary(status);
  showSessions(peers, rates);
  showRates();
  showMap(peers);
}

let wasUnreachable = false;

async function readOn() {
  for (;;) {
    if (!document.hidden) {
      try {
        await readOnce();
        if (wasUnreachable) fail(null);
        wasUnreachable = false;
      } catch (error) {
        wasUnreachable = true;
        fail(`the daemon does not answer: ${error.message}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

byId("wanted").addEventListener("input", () => readOnce().catch(() => {}));
readOn();
follow();

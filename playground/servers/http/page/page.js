"use strict";
// Sends each form as its fields say, and shows the answer beside it. Without this the forms and links still work.

const BODILESS = ["GET", "HEAD", "DELETE"];

function target(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("[data-place=path]")) {
    const { name } = field.dataset;
    const value = encodeURIComponent(field.value);
    path = path.replace(`{${name}}`, () => value);
    path = path.replace(`{${name}...}`, () => value.replaceAll("%2F", "/"));
  }
  for (const field of form.querySelectorAll("[data-place=query]")) {
    if (field.value !== "") query.append(field.name, field.value);
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

function chosen(form) {
  const method = document.getElementById(form.id.replace(/^f/, "m")).value;
  const field = document.getElementById(form.id.replace(/^f/, "b"));
  const body = field && !BODILESS.includes(method) ? field.value : undefined;
  const headers = [...form.querySelectorAll("[data-place=header]")]
    .filter((one) => one.value !== "")
    .map((one) => [one.dataset.name, one.value]);
  if (body !== undefined && field.dataset.type) headers.push(["Content-Type", field.dataset.type]);
  return { method, body, headers };
}

function quoted(text) {
  return /^[\w/.:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function command(form) {
  const { method, body, headers } = chosen(form);
  const words = ["curl", "-i"];
  for (const [name, value] of headers) words.push("-H", quoted(`${name}: ${value}`));
  if (body !== undefined) words.push("-d", quoted(body));
  if (method !== (body === undefined ? "GET" : "POST")) words.push("-X", method);
  return [...words, quoted(location.host + target(form))].join(" ");
}

async function send(form) {
  const place = form.parentElement.querySelector("output");
  const { method, body, headers } = chosen(form);
  const shown = document.createElement("pre");
  place.replaceChildren(shown);
  shown.textContent = "…";
  form.current?.abort();
  const current = (form.current = new AbortController());
  try {
    const url = target(form);
    const answer = await fetch(url, { method, body, headers, signal: current.signal, cache: "no-cache" });
    const went = answer.redirected ? `(sent on to ${answer.url})\n` : "";
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    shown.textContent = `${went}${answer.status} ${answer.statusText}\n${head}\n\n`;
    const type = answer.headers.get("content-type") ?? "";
    if (type.startsWith("image/")) {
      const picture = document.createElement("img");
      picture.src = answer.url;
      picture.alt = `the answer, a picture of type ${type}`;
      place.append(picture);
      return;
    }
    if (answer.body === null) return;
    const decoder = new TextDecoder();
    for (const reader = answer.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      shown.textContent += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    if (error.name !== "AbortError") shown.textContent += `No answer: ${error.message}`;
  }
}

function converse(form) {
  const text = form.querySelector(".say").value;
  const place = form.parentElement.querySelector("output");
  const tell = (line) => { place.firstElementChild.textContent += `${line}\n`; };
  const say = () => { form.socket.send(text); tell(`C: ${text}`); };
  if (form.socket?.readyState === WebSocket.OPEN) {
    say();
    return;
  }
  if (form.socket?.readyState === WebSocket.CONNECTING) return;
  place.replaceChildren(document.createElement("pre"));
  form.socket = new WebSocket(address(form));
  form.socket.addEventListener("open", say);
  form.socket.addEventListener("message", ({ data }) => tell(`S: ${data}`));
  form.socket.addEventListener("close", ({ code, reason }) => tell(`-- closed: ${code} ${reason}`));
}

function address(form) {
  return `${location.protocol.replace("http", "ws")}//${location.host}${target(form)}`;
}

for (const form of document.forms) {
  const curl = form.parentElement.querySelector(".curl");
  const isSocket = "socket" in form.dataset;
  const tell = () => { curl.textContent = isSocket ? address(form) : command(form); };
  tell();
  form.addEventListener("input", tell);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isSocket) converse(form);
    else send(form);
  });
  form.querySelector(".hang-up")?.addEventListener("click", () => form.socket?.close());
}

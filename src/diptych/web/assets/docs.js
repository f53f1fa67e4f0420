"use strict";
// Everything is shown as text, never as markup; the page talks to its own server only.
const at = (id) => document.getElementById(id);
let api, position = null;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const nameOf = (schema) => (schema.$ref || "").split("/").pop();
const resolve = (schema) => (schema.$ref ? api.components.schemas[nameOf(schema)] : schema) || {};

function typeOf(schema) {
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.type === "array") return schema.prefixItems ? `[${schema.prefixItems.map(typeOf).join(", ")}]` : `${typeOf(schema.items || {})}[]`;
  if (schema.type === "object" && schema.additionalProperties) return `{string: ${typeOf(schema.additionalProperties)}}`;
  return schema.format || schema.type || "any";
}

const LIMITS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems"];
function limitsOf(schema) {
  const told = LIMITS.filter((name) => name in schema).map((name) => `${name} ${schema[name]}`);
  if ("default" in schema) told.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.description) told.push(schema.description);
  return told.join(", ");
}

function exampleOf(given, depth = 0) {
  const schema = resolve(given);
  if ("default" in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  if ("const" in schema) return schema.const;
  if (schema.anyOf) return exampleOf(schema.anyOf[0], depth);
  if (depth > 5) return null;
  if (schema.type === "object") {
    const wanted = Object.entries(schema.properties || {}).filter(([, each]) => each.description !== "Filled when absent.");
    return Object.fromEntries(wanted.map(([name, each]) => [name, exampleOf(each, depth + 1)]));
  }
  if (schema.type === "array") return schema.prefixItems ? schema.prefixItems.map((each) => exampleOf(each, depth + 1)) : [exampleOf(schema.items || {}, depth + 1)];
  if (schema.type === "integer" || schema.type === "number") return schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1;
  if (schema.type === "boolean") return false;
  if (schema.format === "uuid") return "00000000-0000-4000-8000-000000000001";
  if (schema.format === "decimal") return "0";
  if (schema.format === "date-time") return new Date().toISOString();
  if (schema.format === "date") return new Date().toISOString().slice(0, 10);
  return schema.type === "string" ? "text" : null;
}

function fieldsOf(schema) {
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([name, each]) =>
    make("tr", {}, make("td", { class: required.has(name) ? "required" : "" }, name), make("td", {}, typeOf(each)), make("td", {}, limitsOf(each))));
  return rows.length ? make("table", {}, ...rows) : make("p", {}, schema.enum ? typeOf(schema) : "no fields");
}

function headersFor(kind, key) {
  const headers = { "content-type": "application/json" };
  if (at("user").value.trim()) headers["x-diptych-user"] = at("user").value.trim();
  if (kind === "command" && key) headers["idempotency-key"] = key;
  if (kind === "query" && at("own").checked && position !== null) headers["diptych-after"] = position;
  return headers;
}

async function exchange(kind, path, body, key, output) {
  const started = performance.now();
  output.textContent = "...";
  try {
    const response = await fetch(path, { method: "POST", body, headers: headersFor(kind, key) });
    const found = response.headers.get("diptych-position"), text = await response.text();
    if (kind === "command" && response.ok) { position = found; at("position").textContent = found; }
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* shown as it came */ }
    output.textContent = `${response.status}  position ${found ?? "–"}  ${(performance.now() - started).toFixed(1)} ms\n${shown}`;
    output.className = response.ok ? "" : "failed";
  } catch (error) {
    output.textContent = String(error);
    output.className = "failed";
  }
}

function trial(kind, path, schema) {
  const body = make("textarea", { spellcheck: "false", "aria-label": "JSON" });
  body.value = JSON.stringify(exampleOf(schema), null, 2);
  const key = make("input", { placeholder: "Idempotency-Key", size: "18", "aria-label": "Idempotency-Key" });
  const output = make("pre", { "aria-live": "polite" });
  const button = make("button", { onclick: () => exchange(kind, path, body.value, key.value.trim(), output) }, kind === "command" ? "Send" : "Ask");
  return [body, make("div", { class: "row" }, button, ...(kind === "command" ? [key] : [])), output];
}

function section(title, kind, entries) {
  const known = entries.map(({ name, note, schema, path, answer, summary }) => {
    const article = make("article", { class: kind, id: `${kind}-${name}` }, make("h3", {}, name, make("small", {}, note)));
    if (summary) article.append(make("p", {}, summary));
    article.append(fieldsOf(resolve(schema)));
    if (answer) article.append(make("p", {}, "answers ", make("code", {}, typeOf(answer))));
    if (path) {
      const open = make("details", {}, make("summary", {}, kind === "command" ? "Send one" : "Ask it"));
      open.addEventListener("toggle", () => { if (open.children.length === 1) open.append(...trial(kind, path, schema)); });
      article.append(open);
    }
    at("messages").append(article);
    return make("a", { href: `#${kind}-${name}` }, name);
  });
  if (known.length) at("index").append(make("h2", {}, title), ...known);
}

function messagesUnder(prefix) {
  return Object.entries(api.paths).filter(([path]) => path.startsWith(prefix)).map(([path, { post }]) => {
    const answered = post.responses["200"].content["application/json"].schema;
    return {
      name: path.slice(prefix.length), note: `POST ${path}`, path: path.slice(1), summary: post.summary,
      schema: post.requestBody.content["application/json"].schema,
      answer: prefix === "/commands/" ? answered.properties.result : answered,
    };
  });
}

function narrow() {
  const wanted = at("filter").value.toLowerCase();
  for (const each of document.querySelectorAll("article, nav a")) {
    const name = each.tagName === "A" ? each.textContent : each.querySelector("h3").firstChild.textContent;
    each.hidden = !name.toLowerCase().includes(wanted);
  }
}

async function start() {
  api = await (await fetch("openapi.json")).json();
  document.title = at("title").textContent = api.info.title;
  section("Commands", "command", messagesUnder("/commands/"));
  section("Queries", "query", messagesUnder("/queries/"));
  const events = Object.entries(api["x-events"]);
  section("Events", "event", events.map(([name, each]) => ({ name, note: `version ${each.version}`, ...each })));
  const told = new Set([...Object.values(api.paths).map(({ post }) => nameOf(post.requestBody.content["application/json"].schema)), ...events.map(([, each]) => nameOf(each.schema))]);
  const shapes = Object.entries(api.components.schemas).filter(([name]) => !told.has(name));
  section("Shapes", "shape", shapes.map(([name, schema]) => ({ name, note: "", schema })));
  at("filter").addEventListener("input", narrow);
}

start();

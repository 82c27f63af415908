"use strict";
// Shows the OpenAPI document. Everything from it is put in as text, never as markup.

let schemas = {};

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

function nameOf(reference) {
  return reference.split("/").pop();
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  const choices = schema.oneOf || schema.anyOf;
  if (choices) return choices.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.type === "array") return `[${typeOf(schema.items)}]`;
  if (schema.type === "object" && schema.additionalProperties) return `{…: ${typeOf(schema.additionalProperties) || "any"}}`;
  return [].concat(schema.type || "any").join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

function limitsOf(schema) {
  const names = { minimum: "≥", maximum: "≤", maxLength: "at most characters:", maxItems: "at most entries:" };
  return Object.entries(names).filter(([key]) => schema[key] !== undefined).map(([key, word]) => `${word} ${schema[key]}`).join(", ");
}

function fields(schema, seen) {
  const found = schema.$ref ? schemas[nameOf(schema.$ref)] : schema;
  const body = make("tbody");
  for (const [name, each] of Object.entries((found && found.properties) || {})) {
    const inner = [each, ...(each.oneOf || each.anyOf || []), each.items || {}].find((part) => part.$ref && !seen.includes(part.$ref));
    const about = make("td", null, make("p", null, [each.description || "", limitsOf(each)].filter(Boolean).join(" — ")));
    if (inner) about.append(make("details", null, make("summary", null, nameOf(inner.$ref)), fields(inner, [...seen, inner.$ref])));
    const needed = ((found && found.required) || []).includes(name) ? "" : each.default === undefined ? "optional" : `else ${JSON.stringify(each.default)}`;
    body.append(make("tr", null, make("td", null, make("code", null, name)), make("td", null, make("code", null, typeOf(each))), make("td", null, needed), about));
  }
  return make("table", null, body);
}

function section(title, ...children) {
  return make("section", null, make("h3", null, title), ...children);
}

function parametersOf(operation) {
  const given = operation.parameters || [];
  if (!given.length) return null;
  const body = make("tbody");
  for (const each of given) {
    const about = [each.description || "", limitsOf(each.schema || {})].filter(Boolean).join(" — ");
    body.append(make("tr", null, make("td", null, make("code", null, each.name)), make("td", null, each.in), make("td", null, make("code", null, typeOf(each.schema))), make("td", null, each.required ? "needed" : ""), make("td", null, about)));
  }
  return section("Parameters", make("table", null, body));
}

function bodyOf(operation) {
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (!content) return null;
  const inner = [content.schema, ...(content.schema.oneOf || [])].find((part) => part.$ref) || content.schema;
  return section(`Body: ${typeOf(content.schema)}`, fields(inner, [inner.$ref]));
}

function answersOf(operation) {
  const body = make("tbody");
  for (const [status, each] of Object.entries(operation.responses || {}).sort()) {
    const [kind, content] = Object.entries(each.content || {})[0] || ["", {}];
    const inner = content.schema && [content.schema, content.schema.items || {}].find((part) => part.$ref);
    const told = make("td", null, make("p", null, each.description || ""));
    if (inner && nameOf(inner.$ref) !== "Problem") told.append(make("details", null, make("summary", null, typeOf(content.schema)), fields(inner, [inner.$ref])));
    body.append(make("tr", null, make("td", null, make("code", null, status)), make("td", null, kind), told));
  }
  return section("Answers", make("table", null, body));
}

function curlOf(path, method, operation) {
  const words = ["curl", "-s"];
  if (method !== "get") words.push("-X", method.toUpperCase());
  words.push(`'${location.origin}${path}'`);
  if (operation.requestBody) words.push("-H 'content-type: application/json'", "-d '{…}'");
  return make("pre", null, words.join(" "));
}

function show(document_) {
  schemas = document_.components.schemas;
  document.getElementById("about").textContent = `${document_.info.description || ""} Version ${document_.info.version}.`;
  const groups = new Map();
  for (const [path, item] of Object.entries(document_.paths))
    for (const [method, operation] of Object.entries(item)) {
      const tag = (operation.tags || ["Other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, operation]);
    }
  const contents = document.getElementById("contents");
  const main = document.getElementById("operations");
  for (const [tag, operations] of groups) {
    const id = `tag-${tag}`;
    contents.append(make("a", { href: `#${id}` }, tag));
    const group = make("section", { id }, make("h2", null, tag));
    for (const [path, method, operation] of operations.sort((a, b) => a[0].localeCompare(b[0]))) {
      const details = make("details", { "data-words": JSON.stringify([path, method, operation]).toLowerCase() });
      details.append(make("summary", null, make("span", { class: "method" }, method.toUpperCase()), make("span", { class: "path" }, path), make("span", { class: "about" }, ` ${operation.summary || ""}`)));
      details.addEventListener("toggle", () => {
        if (!details.open || details.dataset.shown) return;
        details.dataset.shown = "yes";
        details.append(make("p", null, operation.description || ""), curlOf(path, method, operation));
        for (const part of [parametersOf(operation), bodyOf(operation), answersOf(operation)]) if (part) details.append(part);
      });
      group.append(details);
    }
    main.append(group);
  }
}

document.getElementById("search").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const each of document.querySelectorAll("details[data-words]"))
    each.classList.toggle("hidden", wanted !== "" && !each.dataset.words.includes(wanted));
});

fetch("/api/v1/openapi.json")
  .then((answer) => answer.json())
  .then(show)
  .catch((error) => { document.getElementById("about").textContent = `The description cannot be read: ${error}`; });

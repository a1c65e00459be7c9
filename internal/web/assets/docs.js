"use strict";
(async function () {
  const methods = ["get", "post", "put", "patch", "delete"];
  const $ = (id) => document.getElementById(id);

  // el makes an element; strings become text, so nothing of the document is ever read as HTML.
  function el(tag, attrs, ...children) {
    const e = document.createElement(tag);
    for (const [k, v] of Object.entries(attrs || {})) {
      if (v !== undefined && v !== null && v !== false) e.setAttribute(k, v);
    }
    for (const c of children.flat()) {
      if (c !== undefined && c !== null && c !== false) e.append(c);
    }
    return e;
  }

  let doc;
  try {
    const answer = await fetch("/openapi.json");
    if (!answer.ok) throw new Error("status " + answer.status);
    doc = await answer.json();
  } catch (e) {
    $("operation").replaceChildren(el("p", {}, "The document could not be loaded: " + e.message));
    return;
  }

  const all = [];
  for (const [path, item] of Object.entries(doc.paths || {})) {
    for (const method of methods) {
      if (item[method]) all.push({ path, method: method.toUpperCase(), op: item[method], api: item[method]["x-api"] || "-" });
    }
  }
  all.sort((a, b) => a.path.localeCompare(b.path) || methods.indexOf(a.method.toLowerCase()) - methods.indexOf(b.method.toLowerCase()));

  const apis = [...new Set(all.map((o) => o.api))].sort();
  $("api").append(el("option", { value: "" }, "All APIs"), ...apis.map((a) => el("option", { value: a }, a)));

  function resolve(schema) {
    for (let i = 0; schema && schema.$ref && i < 20; i++) {
      schema = (doc.components.schemas || {})[schema.$ref.split("/").pop()];
    }
    return schema || {};
  }

  function typeOf(schema) {
    const s = resolve(schema);
    let t = Array.isArray(s.type) ? s.type.join(" or ") : s.type || "any";
    if (s.type === "array") t = "array of " + typeOf(s.items || {});
    if (s.format) t += " (" + s.format + ")";
    return t;
  }

  function limits(schema) {
    const s = resolve(schema), out = [];
    if (s.enum) out.push("one of " + s.enum.map((v) => JSON.stringify(v)).join(", "));
    if (s.items && resolve(s.items).enum) out.push("each one of " + resolve(s.items).enum.map((v) => JSON.stringify(v)).join(", "));
    if (s.default !== undefined) out.push("default " + JSON.stringify(s.default));
    if (s.minimum !== undefined || s.maximum !== undefined) out.push((s.minimum ?? "…") + " to " + (s.maximum ?? "…"));
    if (s.minLength !== undefined || s.maxLength !== undefined) out.push((s.minLength ?? 0) + " to " + (s.maxLength ?? "any") + " characters");
    if (s.minItems !== undefined || s.maxItems !== undefined) out.push((s.minItems ?? 0) + " to " + (s.maxItems ?? "any") + " elements");
    if (s.pattern) out.push("matches " + s.pattern);
    return out.join("; ");
  }

  // shape draws a schema as a tree; depth ends recursive ones.
  function shape(schema, depth) {
    let s = resolve(schema);
    if (s.type === "array") s = resolve(s.items);
    const box = el("div", { class: "shape" });
    for (const [name, member] of Object.entries(s.properties || {})) {
      const m = resolve(member);
      const line = [
        el("code", {}, name), " ", el("span", { class: "note" }, typeOf(member)), " ",
        (s.required || []).includes(name) && el("span", { class: "required" }, "required"),
      ];
      const text = [m.description || member.description, limits(member)].filter(Boolean).join(" — ");
      const inner = m.type === "array" ? resolve(m.items) : m;
      if (inner.properties && depth < 6) {
        box.append(el("details", { open: depth < 2 }, el("summary", {}, line), text && el("div", { class: "note" }, text), shape(member, depth + 1)));
      } else {
        box.append(el("div", { class: "member" }, line, text && el("div", { class: "note" }, text)));
      }
    }
    if (!box.childNodes.length) box.append(el("span", { class: "note" }, typeOf(schema)));
    return box;
  }

  function example(schema, depth) {
    const s = resolve(schema);
    if (s.examples && s.examples.length) return s.examples[0];
    if (s.default !== undefined) return s.default;
    if (s.enum) return s.enum[0];
    const type = Array.isArray(s.type) ? s.type[0] : s.type;
    switch (type) {
      case "object": {
        const out = {};
        const names = Object.keys(s.properties || {});
        const wanted = names.filter((n) => (s.required || []).includes(n));
        for (const n of depth > 5 ? [] : wanted.length ? wanted : names.slice(0, 3)) out[n] = example(s.properties[n], depth + 1);
        return out;
      }
      case "array": return depth > 5 ? [] : [example(s.items || {}, depth + 1)];
      case "integer": case "number": return s.minimum ?? 1;
      case "boolean": return true;
      case "string":
        if (s.format === "uuid") return "0193a4c0-7b1e-7c3d-9a44-5a4f3e2d1c0b";
        if (s.format === "date-time") return "2026-11-22T10:00:00.000Z";
        return "text";
    }
    return {};
  }

  function curl(o) {
    const query = (o.op.parameters || []).filter((p) => p.in === "query" && p.required)
      .map((p) => encodeURIComponent(p.name) + "=" + encodeURIComponent(example(p.schema, 0))).join("&");
    const path = o.path.replace(/\{([^}]+)\}/g, (_, name) =>
      encodeURIComponent(example(((o.op.parameters || []).find((p) => p.in === "path" && p.name === name) || { schema: {} }).schema, 0)));
    const base = doc.servers && doc.servers.length ? doc.servers[0].url : location.origin;
    const lines = ["curl " + (o.method === "GET" ? "" : "-X " + o.method + " ") + "'" + base + path + (query ? "?" + query : "") + "'"];
    if (!(o.op.security || []).some((s) => Object.keys(s).length === 0)) lines.push("-H \"Authorization: Bearer $TOKEN\"");
    const body = (o.op.requestBody || { content: {} }).content["application/json"];
    if (body) {
      lines.push("-H 'Content-Type: application/json'");
      lines.push("-d '" + JSON.stringify(example(body.schema, 0), null, 2).replaceAll("'", "'\\''") + "'");
    }
    return lines.join(" \\\n  ");
  }

  function parameters(o) {
    const list = o.op.parameters || [];
    if (!list.length) return [];
    return [
      el("h2", {}, "Parameters"),
      el("table", {}, el("tbody", {}, list.map((p) => el("tr", {},
        el("td", {}, el("code", {}, p.name), " ", p.required && el("span", { class: "required" }, "required"), el("div", { class: "note" }, p.in)),
        el("td", {}, typeOf(p.schema), el("div", { class: "note" }, [p.description, limits(p.schema)].filter(Boolean).join(" — "))))))),
    ];
  }

  function content(title, content, note) {
    const types = Object.keys(content || {});
    if (!types.length) return [el("h2", {}, title), el("p", { class: "note" }, note || "No body.")];
    return [el("h2", {}, title), el("p", { class: "note" }, [note, types.join(", ")].filter(Boolean).join(" · ")), shape(content[types[0]].schema || {}, 0)];
  }

  function show(o) {
    const parts = [
      el("h1", {}, o.op.summary || o.op.operationId),
      el("p", { class: "path" }, el("span", { class: "method " + o.method }, o.method), " ", o.path),
      el("p", { class: "note" }, "API: " + o.api),
      o.op.description && el("p", {}, o.op.description),
      ...parameters(o),
    ];
    if (o.op.requestBody) parts.push(...content("Body", o.op.requestBody.content, o.op.requestBody.required ? "" : "May be left out."));
    for (const [status, r] of Object.entries(o.op.responses || {})) {
      if (status === "default") continue;
      parts.push(...content("Answer " + status, r.content, r.description));
    }
    parts.push(el("h2", {}, "Example"), el("pre", {}, curl(o)), el("p", { class: "note" }, "Errors are explained at ", el("a", { href: "/errors" }, "/errors"), "."));
    $("operation").replaceChildren(...parts.filter(Boolean));
    for (const a of document.querySelectorAll("aside a")) {
      if (a.hash === "#" + o.op.operationId) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current");
    }
  }

  function list() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = all.filter((o) => (!$("api").value || o.api === $("api").value) &&
      words.every((w) => (o.method + " " + o.path + " " + o.op.summary + " " + (o.op.description || "")).toLowerCase().includes(w)));
    const groups = new Map();
    for (const o of hits) {
      const key = (o.op.tags || ["other"])[0];
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(o);
    }
    $("index").replaceChildren(...[...groups.keys()].sort().flatMap((tag) => [
      el("h2", {}, tag),
      ...groups.get(tag).map((o) => el("a", { href: "#" + o.op.operationId, title: o.op.summary },
        el("span", { class: "method " + o.method }, o.method), el("span", { class: "path" }, o.path))),
    ]));
    if (!hits.length) $("index").replaceChildren(el("p", { class: "note" }, "Nothing found."));
  }

  function follow() {
    const o = all.find((x) => "#" + x.op.operationId === location.hash) || all[0];
    if (o) show(o); else $("operation").replaceChildren(el("p", {}, "The document has no operations."));
  }

  $("search").addEventListener("input", list);
  $("api").addEventListener("change", list);
  addEventListener("hashchange", follow);
  list();
  follow();
})();

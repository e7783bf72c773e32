// FOR DEVELOPMENT AND SCREENSHOTS ONLY, never part of the build: answers /api/v1 from dev/mock-data.json and the
// examples of api/openapi.json, so that the panel can be worked on without a server. `npm run dev -- --mode mock`,
// sign in with /sign-in?token=mock.
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { components } from "../src/api/schema";

type Schemas = components["schemas"];
type Detail = Schemas["DomainDetail"];
interface Data {
  now: string;
  domains: Detail[];
  summaries: Schemas["ReportSummary"][];
  reports: Schemas["ReportListItem"][];
  report: Schemas["Report"];
  session: Schemas["Session"];
  audit: Schemas["AuditEntry"][];
}

const day_ms = 86_400_000;
const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** The data was written for one day; here it becomes today's. */
function shifted(text: string, from_ms: number): string {
  const by_ms = Math.floor((Date.now() - from_ms) / 1000) * 1000;
  const by_days = Math.round(by_ms / day_ms);
  return text
    .replace(/"(\d{4}-\d\d-\d\d)(T\d\d:\d\d:\d\dZ)"/g, (_, day: string, time: string) => {
      // The bounds of a day stay the bounds of a day.
      const bound = time === "T00:00:00Z" || time === "T23:59:59Z";
      return JSON.stringify(new Date(Date.parse(day + time) + (bound ? by_days * day_ms : by_ms)).toISOString().replace(".000", ""));
    })
    .replace(/"(\d{4}-\d\d-\d\d)"/g, (_, day: string) => JSON.stringify(new Date(Date.parse(day) + by_days * day_ms).toISOString().slice(0, 10)));
}

export function mockServer(): Plugin {
  const raw = read("./mock-data.json");
  const from_ms = Date.parse((JSON.parse(raw) as Data).now);
  const data = JSON.parse(shifted(raw, from_ms)) as Data;
  const spec = JSON.parse(shifted(read("../../api/openapi.json"), from_ms)) as { paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, { example: unknown }> }> }>> };
  const example = (path: string) => spec.paths[`/api/v1${path}`]?.get?.responses["200"]?.content["application/json"]?.example;
  const listeners = new Set<ServerResponse>();

  function changed(domain: Detail, kind = "domain-changed") {
    for (const listener of listeners) listener.write(`event: ${kind}\ndata: ${JSON.stringify({ domain: domain.domain, state: domain.state, mode: domain.mode })}\n\n`);
  }
  const now = (after_ms = 0) => new Date(Date.now() + after_ms).toISOString();
  const find = (name: string) => data.domains.find((d) => d.domain === name || d.domain_unicode === name);

  /** A new domain goes its whole way within half a minute. */
  function moveIn(domain: Detail) {
    const later = (after_ms: number, change: () => void) => {
      setTimeout(() => {
        change();
        changed(domain);
      }, after_ms);
    };
    domain.records.forEach((record, i) => {
      later(4000 + 2500 * i, () => Object.assign(record, { seen: true, problem: null, problem_code: null, ttl_s: null, observed: [], checked: now() }));
    });
    domain.progress.forEach((step, i) => {
      later(11_000 + 1200 * i, () => {
        domain.state = "certificate";
        Object.assign(step, { status: "done", at: now() });
        const next = domain.progress[i + 1];
        if (next) next.status = "running";
      });
    });
    later(22_000, () => {
      const mx = domain.mx.map((m) => Object.assign(m, { in_policy: true }).host);
      Object.assign(domain, {
        state: "testing",
        mode: "testing",
        policy_id: "0a1b2c3d4e5f",
        certificate: { not_after: now(89 * day_ms), issuer: "E7", renewal_problem: null },
        policy: { text: `version: STSv1\r\nmode: testing\r\n${mx.map((m) => `mx: ${m}\r\n`).join("")}max_age: 86400\r\n`, id: "0a1b2c3d4e5f", version: 1, mode: "testing", max_age_s: 86400, mx, since: now() },
        readiness: {
          ready: false,
          conditions: [
            { id: "testing-days", status: "failed", proof: "", data: { days: 0, required_days: 14 } },
            { id: "reports-clean", status: "unknown", proof: "", data: { senders: 0, sessions: 0, refused_sessions: 0 } },
            { id: "mx-probes", status: "ok", proof: "", data: { hosts_total: mx.length, hosts: [] } },
            { id: "mx-in-policy", status: "ok", proof: "", data: { hosts_total: mx.length, hosts: [] } },
          ],
        },
      } satisfies Partial<Detail>);
    });
  }

  function add(name: string): Detail {
    const template = data.domains.find((d) => d.domain === "new.example");
    if (!template) throw new Error("mock-data.json has no new.example");
    const ascii = new URL(`http://${name}`).hostname;
    const domain = JSON.parse(JSON.stringify(template).replaceAll("new.example", ascii)) as Detail;
    Object.assign(domain, { domain_unicode: name, created: now() });
    for (const record of domain.records) Object.assign(record, { seen: false, problem: "not there yet", problem_code: "not-found", observed: [], ttl_s: 300, checked: now() });
    data.domains.push(domain);
    changed(domain, "domain-added");
    moveIn(domain);
    return domain;
  }

  function setMode(domain: Detail, body: { mode: Schemas["Mode"]; override_reason?: string }) {
    domain.pending_mode = body.mode;
    setTimeout(() => {
      domain.mode = body.mode;
      domain.state = body.mode === "enforce" ? "enforce" : body.mode === "none" ? "testing" : "testing";
      domain.pending_mode = null;
      if (domain.policy) Object.assign(domain.policy, { mode: body.mode, text: domain.policy.text.replace(/mode: \w+/, `mode: ${body.mode}`) });
      changed(domain);
    }, 2500);
  }

  async function answer(request: IncomingMessage, response: ServerResponse, next: () => void) {
    const url = new URL(request.url ?? "/", "http://mock");
    const send = (status: number, body: unknown, type = status < 400 ? "application/json" : "application/problem+json") => {
      response.writeHead(status, { "content-type": type });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    };
    const problem = (status: number, code: string, more: Partial<Schemas["Problem"]> = {}) => {
      send(status, { type: `urn:postseal:problem:${code}`, title: code, status, ...more });
    };
    if (url.pathname === "/sign-in" && url.searchParams.has("token")) {
      const good = url.searchParams.get("token") === "mock";
      response.writeHead(303, { location: good ? "/" : "/sign-in?problem=link-invalid", ...(good ? { "set-cookie": "postseal_session=mock; Path=/; HttpOnly; SameSite=Strict" } : {}) });
      response.end();
      return;
    }
    if (!url.pathname.startsWith("/api/v1/")) {
      next();
      return;
    }
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, string>;
    const path = url.pathname.slice("/api/v1".length);
    const method = request.method ?? "GET";
    if (path === "/session" && method === "POST") {
      if (body.token !== "mock") {
        problem(403, "link-invalid");
        return;
      }
      response.setHeader("set-cookie", "postseal_session=mock; Path=/; HttpOnly; SameSite=Strict");
      send(200, data.session);
      return;
    }
    if (!(request.headers.cookie ?? "").includes("postseal_session=mock")) {
      problem(401, "not-signed-in");
      return;
    }
    if (method !== "GET" && request.headers["x-csrf-token"] !== data.session.csrf_token) {
      problem(403, "csrf");
      return;
    }
    if (path === "/session" && method === "DELETE") {
      response.writeHead(204, { "set-cookie": "postseal_session=; Path=/; Max-Age=0" });
      response.end();
      return;
    }
    if (path === "/session") {
      send(200, data.session);
      return;
    }
    if (path === "/events") {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write("retry: 2000\n\nevent: hello\ndata: {}\n\n");
      listeners.add(response);
      request.on("close", () => listeners.delete(response));
      return;
    }
    if (path === "/domains" && method === "POST") {
      const name = body.domain ?? "";
      if (!/^[^.\s]+(\.[^.\s]+)+$/.test(name)) problem(422, "invalid-field", { errors: [{ pointer: "#/domain", code: "invalid-name", message: `${name}: not a domain name` }] });
      else if (["co.uk", "com.ru"].includes(name)) problem(422, "invalid-field", { errors: [{ pointer: "#/domain", code: "public-suffix", message: `${name} is a public suffix` }] });
      else send(201, find(name) ?? add(name));
      return;
    }
    if (path === "/domains") {
      send(200, { domains: data.domains, next_cursor: null });
      return;
    }
    if (path === "/audit") {
      send(200, { entries: data.audit, next_cursor: null });
      return;
    }
    const [, noun, name = "", ...rest] = path.split("/").map(decodeURIComponent);
    if (noun !== "domains") {
      const found = example(path);
      if (found === undefined) problem(404, "not-found");
      else send(200, found);
      return;
    }
    const domain = find(name);
    if (!domain) {
      problem(404, "not-found");
      return;
    }
    const what = rest.join("/");
    if (what === "") send(200, domain);
    else if (what === "verify") send(200, domain);
    else if (what === "mx" && method === "GET") send(200, { ...(example("/domains/{domain}/mx") as object), domain: domain.domain, mode: domain.mode });
    else if (what === "probe") {
      for (const mx of domain.mx) mx.probed = now();
      changed(domain);
      response.writeHead(202).end();
    } else if (what === "mode") {
      const wanted = body as unknown as { mode: Schemas["Mode"]; override_reason?: string };
      if (wanted.mode === "enforce" && domain.readiness?.ready === false && wanted.override_reason === undefined) problem(409, "gate-refused", { reasons: domain.readiness.conditions.filter((c) => c.status !== "ok") });
      else {
        setMode(domain, wanted);
        send(200, domain);
      }
    } else if (what === "policy-mx") {
      if (domain.policy) domain.policy.mx = body.mx as unknown as string[];
      for (const mx of domain.mx) {
        if (mx.problem_code === "not-in-policy") Object.assign(mx, { in_policy: true, problem: null, problem_code: null });
      }
      domain.attention = null;
      changed(domain);
      send(200, domain);
    } else if (what === "retire") {
      Object.assign(domain, { state: "retiring", mode: "none", cnames_until: now(31 * day_ms) });
      changed(domain);
      send(200, domain);
    } else if (what === "records") {
      const format = url.searchParams.get("format");
      if (format === "bind") send(200, domain.records.map((r) => `${r.name}. 300 IN CNAME ${r.value}.\n`).join(""), "text/plain");
      else if (format === "csv") send(200, `name,type,value\r\n${domain.records.map((r) => `${r.name},CNAME,${r.value}\r\n`).join("")}`, "text/csv");
      else if (format === "terraform") send(200, `locals {\n  records = {\n${domain.records.map((r) => `    "${r.name}" = "${r.value}"\n`).join("")}  }\n}\n`, "text/plain");
      else send(200, domain.records);
    } else if (what === "reports/summary") {
      const days = Number(url.searchParams.get("days") ?? 30);
      const summary = data.summaries.find((s) => s.domain === domain.domain);
      if (summary) send(200, { ...summary, by_policy_type: summary.by_policy_type.map((p) => ({ ...p, days: p.days.slice(-days) })) });
      else send(200, { domain: domain.domain, from: now(-days * day_ms).slice(0, 10), to: now(-day_ms).slice(0, 10), by_policy_type: [], failures: [], submitters: [], gaps: [], not_counted: 0, events: [] });
    } else if (what === "reports") {
      const wanted = url.searchParams.get("failure_type");
      const clean = data.reports.slice(0, 3).map((r) => ({ ...r, failure_types: [], by_policy_type: r.by_policy_type.map((p) => ({ ...p, failed: 0 })) }));
      const reports = (domain.domain === "shop.example" ? data.reports : domain.reports.received > 0 ? clean : []).filter((r) => wanted === null || r.failure_types.includes(wanted));
      send(200, { reports, next_cursor: null });
    } else if (/^reports\/[^/]+\/raw$/.test(what)) send(200, JSON.stringify(data.report.report), "application/octet-stream");
    else if (what.startsWith("reports/")) send(200, { ...data.report, id: rest[1] });
    else if (method === "GET" && example(`/domains/{domain}/${what}`) !== undefined) send(200, example(`/domains/{domain}/${what}`));
    else problem(404, "not-found");
  }

  const plug = (middlewares: { use: (handler: (request: IncomingMessage, response: ServerResponse, next: () => void) => void) => unknown }, strict: boolean) => {
    middlewares.use((request, response, next) => {
      // As the console sends it, so that what works here works there.
      if (strict) response.setHeader("content-security-policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
      void answer(request, response, next);
    });
  };
  return {
    name: "postseal-mock-server",
    configureServer(server) {
      plug(server.middlewares, false);
    },
    configurePreviewServer(server) {
      plug(server.middlewares, true);
    },
  };
}

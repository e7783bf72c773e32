// The one door to /api/v1: typed by api/openapi.json, adds the CSRF token to every change, and turns
// problem+json (RFC 9457) into ApiError.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Domain = Schemas["Domain"];
export type DomainDetail = Schemas["DomainDetail"];
export type Mode = Schemas["Mode"];
export type State = Schemas["State"];
export type Session = Schemas["Session"];
export type ReportSummary = Schemas["ReportSummary"];
export type Condition = Schemas["Condition"];
export type Alert = Schemas["Alert"];
export type Severity = Schemas["Severity"];
export type Problem = Schemas["Problem"];
export type Uses = Schemas["Uses"];
export type RecordFormat = "bind" | "terraform" | "dnscontrol" | "csv";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${String(status)}`);
  }

  /** The stable word of `urn:postseal:problem:<code>`. */
  get code(): string {
    return this.problem.type?.split(":").pop() ?? "internal";
  }
}

let csrf_token = "";
export function setCsrfToken(token: string): void {
  csrf_token = token;
}

const csrf: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-CSRF-Token", csrf_token);
    return request;
  },
};

export const api = createClient<paths>({ baseUrl: globalThis.location.origin, credentials: "same-origin" });
api.use(csrf);

/** The body, or ApiError. A network failure has status 0. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result;
  try {
    result = await call;
  } catch {
    throw new ApiError(0, { type: "urn:postseal:problem:offline" });
  }
  if (!result.response.ok) {
    const problem = typeof result.error === "object" && result.error !== null ? result.error : {};
    throw new ApiError(result.response.status, problem);
  }
  return result.data as T;
}

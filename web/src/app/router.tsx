// The addresses of the panel. Filters live in the address, so that a view can be sent to a colleague.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { Domains } from "../screens/domains";
import type { Standing } from "../parts/standing";
import { NotFound, Shell } from "./shell";

const word = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const standings: Standing[] = ["protected", "testing", "needs-you", "moving-in", "off"];

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const domains = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { q?: string; show?: Standing } => ({
    q: word(search.q),
    show: standings.find((s) => s === search.show),
  }),
  component: Domains,
});

// The shell shows the sign-in screen wherever there is no session, so this address only leads on once there is one.
const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { problem?: string } => ({ problem: word(search.problem) }),
  component: lazyRouteComponent(() => import("../screens/sign_in"), "SignedIn"),
});

const add = createRoute({
  getParentRoute: () => root,
  path: "/add",
  component: lazyRouteComponent(() => import("../screens/add"), "Add"),
});

const addDomain = createRoute({
  getParentRoute: () => root,
  path: "/add/$domain",
  component: lazyRouteComponent(() => import("../screens/add"), "AddDomain"),
});

const domain = createRoute({
  getParentRoute: () => root,
  path: "/domains/$domain",
  validateSearch: (search: Record<string, unknown>): { type?: string; days?: 7 | 30 | 90; failure?: string } => ({
    type: word(search.type),
    days: ([7, 30, 90] as const).find((n) => n === search.days),
    failure: word(search.failure),
  }),
  component: lazyRouteComponent(() => import("../screens/domain"), "DomainPage"),
});

const report = createRoute({
  getParentRoute: () => root,
  path: "/domains/$domain/reports/$id",
  component: lazyRouteComponent(() => import("../screens/report"), "ReportPage"),
});

const sending = createRoute({
  getParentRoute: () => root,
  path: "/sending",
  component: lazyRouteComponent(() => import("../screens/sending"), "Sending"),
});

const sentDay = createRoute({
  getParentRoute: () => root,
  path: "/sending/$day",
  component: lazyRouteComponent(() => import("../screens/sent_reports"), "SentDay"),
});

const sentReport = createRoute({
  getParentRoute: () => root,
  path: "/sending/$day/$domain",
  component: lazyRouteComponent(() => import("../screens/sent_reports"), "SentReport"),
});

const certificates = createRoute({
  getParentRoute: () => root,
  path: "/certificates",
  component: lazyRouteComponent(() => import("../screens/certificates"), "Certificates"),
});

const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  validateSearch: (search: Record<string, unknown>): { show?: "resolved" } => ({
    show: search.show === "resolved" ? "resolved" : undefined,
  }),
  component: lazyRouteComponent(() => import("../screens/alerts"), "Alerts"),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  component: lazyRouteComponent(() => import("../screens/audit"), "Audit"),
});

const domainsAlias = createRoute({
  getParentRoute: () => root,
  path: "/domains",
  beforeLoad: () => {
    throw redirect({ to: "/" });
  },
});

export const router = createRouter({
  routeTree: root.addChildren([domains, domainsAlias, signIn, add, addDomain, domain, report, alerts, certificates, sending, sentDay, sentReport, audit]),
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

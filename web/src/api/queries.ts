// What the screens read and change. Keys begin with the noun, so that an event can make a whole noun stale.
import { useMutation, useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, setCsrfToken, unwrap, ApiError, type DomainDetail, type Mode, type RecordFormat, type Uses } from "./client";

const recheck_ms = 10_000;

export const sessionQuery = {
  queryKey: ["session"],
  queryFn: async () => {
    const session = await unwrap(api.GET("/api/v1/session"));
    setCsrfToken(session.csrf_token);
    return session;
  },
  retry: (count: number, error: Error) => count < 2 && !(error instanceof ApiError && error.status === 401),
  staleTime: Infinity,
};
export const useSession = () => useQuery(sessionQuery);

export const useDomains = () =>
  useQuery({
    queryKey: ["domains"],
    queryFn: () => unwrap(api.GET("/api/v1/domains", { params: { query: { limit: 500 } } })),
  });

/** While something is on its way the domain is read again now and then, in case an event got lost. */
export const onItsWay = (d: DomainDetail) => ["pending", "verified", "certificate"].includes(d.state) || d.pending_mode !== null;

export const useDomain = (domain: string) =>
  useQuery({
    queryKey: ["domain", domain],
    queryFn: () => unwrap(api.GET("/api/v1/domains/{domain}", { params: { path: { domain } } })),
    refetchInterval: (query) => (query.state.data && onItsWay(query.state.data) ? recheck_ms : false),
  });

export const useSummary = (domain: string, days: number) =>
  useQuery({
    queryKey: ["reports", domain, "summary", days],
    queryFn: () =>
      unwrap(api.GET("/api/v1/domains/{domain}/reports/summary", { params: { path: { domain }, query: { days } } })),
  });

export interface ReportFilter {
  failure_type?: string | undefined;
  failures_only?: boolean | undefined;
}
export const useReports = (domain: string, filter: ReportFilter) =>
  useQuery({
    queryKey: ["reports", domain, "list", filter],
    queryFn: () =>
      unwrap(api.GET("/api/v1/domains/{domain}/reports", { params: { path: { domain }, query: { limit: 50, ...filter } } })),
    placeholderData: (kept) => kept,
  });

export const useFetches = (domain: string) =>
  useQuery({
    queryKey: ["fetches", domain],
    queryFn: () => unwrap(api.GET("/api/v1/domains/{domain}/fetches", { params: { path: { domain } } })),
  });

export const useReport = (domain: string, id: string) =>
  useQuery({
    queryKey: ["reports", domain, "one", id],
    queryFn: () => unwrap(api.GET("/api/v1/domains/{domain}/reports/{id}", { params: { path: { domain, id } } })),
    staleTime: Infinity,
  });

export const recordsQuery = (domain: string, format: RecordFormat) => ({
  queryKey: ["records", domain, format],
  queryFn: () =>
    unwrap<string>(
      api.GET("/api/v1/domains/{domain}/records", {
        params: { path: { domain }, query: { format } },
        parseAs: "text",
      }) as Promise<{ data?: string; response: Response }>,
    ),
  staleTime: Infinity,
});

export const useCache = (enabled: boolean) =>
  useQuery({ queryKey: ["cache"], enabled, queryFn: () => unwrap(api.GET("/api/v1/cache", { params: { query: { limit: 200 } } })) });
export const useReporter = () =>
  useQuery({ queryKey: ["reporter"], queryFn: () => unwrap(api.GET("/api/v1/reporter/status")) });
export const useReportDay = (day: string) =>
  useQuery({
    queryKey: ["reporter", "day", day],
    queryFn: () => unwrap(api.GET("/api/v1/reporter/reports/{day}", { params: { path: { day } } })),
  });
export const useSentReport = (day: string, domain: string) =>
  useQuery({
    queryKey: ["reporter", "day", day, domain],
    queryFn: () => unwrap(api.GET("/api/v1/reporter/reports/{day}/{domain}", { params: { path: { day, domain } } })),
  });
export const useSuppressions = () =>
  useQuery({ queryKey: ["reporter", "suppressions"], queryFn: () => unwrap(api.GET("/api/v1/reporter/suppressions")) });

export function useSuppress() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { target: string; days: number | null; reason: string }) =>
      unwrap(api.POST("/api/v1/reporter/suppressions", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["reporter", "suppressions"] }),
  });
}

export function useLiftSuppression() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (target: string) => unwrap(api.POST("/api/v1/reporter/suppressions/lift", { body: { target } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["reporter", "suppressions"] }),
  });
}

export function useResend(day: string, domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/reporter/resend", { body: { day, domain } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["reporter"] }),
  });
}

export const useCertificates = () =>
  useQuery({ queryKey: ["certificates"], queryFn: () => unwrap(api.GET("/api/v1/certificates", { params: { query: { limit: 1000 } } })), refetchInterval: recheck_ms });
export const useCertificateBudget = () =>
  useQuery({ queryKey: ["certificates", "budget"], queryFn: () => unwrap(api.GET("/api/v1/certificates/budget")), refetchInterval: recheck_ms });
export const useAudit = () =>
  useQuery({ queryKey: ["audit"], queryFn: () => unwrap(api.GET("/api/v1/audit", { params: { query: { limit: 100 } } })) });

export const useMxStanding = (domain: string) =>
  useQuery({
    queryKey: ["domain", domain, "mx"],
    queryFn: () => unwrap(api.GET("/api/v1/domains/{domain}/mx", { params: { path: { domain } } })),
  });

export function useSetMx(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { following?: "auto" | "fixed"; approve?: string[]; withdraw?: string[]; promote_after_days?: number | null }) =>
      unwrap(api.PUT("/api/v1/domains/{domain}/mx", { params: { path: { domain } }, body })),
    onSuccess: (standing) => {
      client.setQueryData(["domain", domain, "mx"], standing);
    },
  });
}

export const useMxCertificates = () => useQuery({ queryKey: ["domains", "mx-certificates"], queryFn: () => unwrap(api.GET("/api/v1/mx-certificates")) });

export const useAlerts = (state: "open" | "resolved") =>
  useQuery({
    queryKey: ["alerts", state],
    queryFn: () => unwrap(api.GET("/api/v1/alerts", { params: { query: { state, limit: 200 } } })),
    placeholderData: (kept) => kept,
  });

export function useAcknowledge() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, note }: { id: string; note: string }) =>
      unwrap(api.POST("/api/v1/alerts/{id}/acknowledge", { params: { path: { id } }, body: { note } })),
    onSettled: () => client.invalidateQueries({ queryKey: ["alerts"] }),
  });
}

function keep(client: QueryClient, domain: DomainDetail): void {
  client.setQueryData(["domain", domain.domain], domain);
  void client.invalidateQueries({ queryKey: ["domains"] });
}

export function useAddDomain() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { domain: string; uses: Uses; import: boolean }) => unwrap(api.POST("/api/v1/domains", { body })),
    onSuccess: (domain) => {
      keep(client, domain);
    },
  });
}

/** Many at once; with `dry_run` only what would become of each. */
export function useAddDomains() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { text: string; uses: Uses; dry_run: boolean }) => unwrap(api.POST("/api/v1/domains/bulk", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["domains"] }),
  });
}

export const useHistory = (domain: string) =>
  useQuery({
    queryKey: ["domain", domain, "history"],
    queryFn: () => unwrap(api.GET("/api/v1/domains/{domain}/history", { params: { path: { domain }, query: { limit: 20 } } })),
  });

export function useSetRua(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (rua: string[]) => unwrap(api.PUT("/api/v1/domains/{domain}/rua", { params: { path: { domain } }, body: { rua } })),
    onSuccess: (changed) => {
      keep(client, changed);
    },
  });
}

export function useVerify(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/domains/{domain}/verify", { params: { path: { domain } } })),
    onSuccess: (found) => {
      keep(client, found);
    },
  });
}

export function useProbe(domain: string) {
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/domains/{domain}/probe", { params: { path: { domain } } })),
  });
}

export function useSetMode(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { mode: Mode; override_reason?: string }) =>
      unwrap(api.PUT("/api/v1/domains/{domain}/mode", { params: { path: { domain } }, body })),
    onSuccess: (changed) => {
      keep(client, changed);
    },
  });
}

export function useSetPolicyMx(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (mx: string[]) =>
      unwrap(api.PUT("/api/v1/domains/{domain}/policy-mx", { params: { path: { domain } }, body: { mx } })),
    onSuccess: (changed) => {
      keep(client, changed);
    },
  });
}

export function useRetire(domain: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/domains/{domain}/retire", { params: { path: { domain } } })),
    onSuccess: (changed) => {
      keep(client, changed);
    },
  });
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (token: string) => unwrap(api.POST("/api/v1/session", { body: { token } })),
    onSuccess: (session) => {
      setCsrfToken(session.csrf_token);
      client.setQueryData(["session"], session);
    },
  });
}

export function useSignOut() {
  return useMutation({ mutationFn: () => unwrap(api.DELETE("/api/v1/session")) });
}

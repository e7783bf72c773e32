// The fleet: every domain in one line, the ones that need somebody first.
import { Button, Skeleton, TextInput } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { createColumnHelper, flexRender, getCoreRowModel, getSortedRowModel, useReactTable, type SortingState } from "@tanstack/react-table";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Domain } from "../api/client";
import { useDomains } from "../api/queries";
import { daysUntil, okPercent, useFormats } from "../i18n/format";
import { Icon } from "../parts/icons";
import { Ago, Chip, Empty, Failed, ModeChip, useTitle, Words } from "../parts/parts";
import { Sparkline } from "../parts/sparkline";
import { metConditions, standing, tone, toneIcon, weekTotal, type Standing } from "../parts/standing";
import { useStateLine } from "../parts/state_line";
import css from "./domains.module.css";

const order: Standing[] = ["needs-you", "moving-in", "testing", "protected", "off"];
const filters: [Standing, string][] = [
  ["needs-you", "var(--amber-solid)"],
  ["protected", "var(--green-solid)"],
  ["testing", "var(--blue-solid)"],
  ["moving-in", "var(--grey-solid)"],
];

function Readiness({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const met = metConditions(domain);
  if (!domain.readiness || !met || domain.mode === "enforce" || domain.mode === "none") return <span className={css.none}>–</span>;
  return (
    <span className={css.dots} role="img" aria-label={t("panel.list.readiness_of", met)} title={t("panel.list.readiness_of", met)}>
      {domain.readiness.conditions.map((c) => (
        <i key={c.id} data-status={c.status} />
      ))}
    </span>
  );
}

function Week({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const format = useFormats();
  const { ok, failed } = weekTotal(domain);
  const percent = okPercent(ok, failed);
  if (percent === null) return <span className={css.none}>–</span>;
  return (
    <div className={css.week}>
      <span className={percent < 99 ? css.bad : undefined}>{format.percent(percent)}</span>
      <Sparkline week={domain.week} label={t("panel.list.week_of", { ok: format.number(ok), failed: format.number(failed) })} />
    </div>
  );
}

function Certificate({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const format = useFormats();
  if (!domain.certificate) return <span className={css.none}>–</span>;
  const days = daysUntil(domain.certificate.not_after);
  const problem = domain.certificate.renewal_problem !== null;
  return (
    <span className={days < 7 ? css.bad : problem || days < 14 ? css.warn : undefined} title={format.exact(domain.certificate.not_after)}>
      {t("panel.days_short", { count: days })}
    </span>
  );
}

function MxState({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const { hosts, bad, unprobed } = domain.mx_summary;
  if (hosts === 0) return <span className={css.none}>–</span>;
  if (bad > 0) return <span className={domain.mode === "enforce" ? css.bad : css.warn}>{t("panel.list.mx_bad", { count: hosts, bad })}</span>;
  if (unprobed > 0) return <span className={css.none}>{t("panel.list.mx_unprobed")}</span>;
  return <span>{t("panel.list.mx_ok", { count: hosts })}</span>;
}

function StateCell({ domain }: { domain: Domain }) {
  const { t } = useTranslation();
  const line = useStateLine();
  return (
    <div className={css.state}>
      <Chip tone={tone(domain)} icon={standing(domain) === "moving-in" ? "clock" : toneIcon[tone(domain)]} plain>
        <Words>{line(domain)}</Words>
      </Chip>
      {standing(domain) === "needs-you" && (
        <Link to="/domains/$domain" params={{ domain: domain.domain }} className={css.fix} data-testid="fix">
          {t("panel.list.fix")}
        </Link>
      )}
    </div>
  );
}

const column = createColumnHelper<Domain>();

function useColumns() {
  const { t } = useTranslation();
  return useMemo(
    () => [
      column.accessor("domain_unicode", {
        header: t("panel.list.domain"),
        cell: ({ row }) => (
          <Link to="/domains/$domain" params={{ domain: row.original.domain }} className={css.name} title={row.original.domain}>
            {row.original.domain_unicode}
          </Link>
        ),
      }),
      column.accessor("mode", { header: t("panel.list.mode"), cell: ({ row }) => <ModeChip mode={row.original.mode} /> }),
      column.accessor((d) => order.indexOf(standing(d)), { id: "state", header: t("panel.list.state"), meta: "cState", cell: ({ row }) => <StateCell domain={row.original} /> }),
      column.accessor((d) => metConditions(d)?.met ?? -1, { id: "readiness", header: t("panel.list.readiness"), meta: "cReady", cell: ({ row }) => <Readiness domain={row.original} /> }),
      column.accessor((d) => okPercent(weekTotal(d).ok, weekTotal(d).failed) ?? 101, { id: "week", header: t("panel.list.week"), meta: "cWeek", cell: ({ row }) => <Week domain={row.original} /> }),
      column.accessor((d) => d.mx_summary.bad, { id: "mx", header: "MX", meta: "cMore", sortDescFirst: true, cell: ({ row }) => <MxState domain={row.original} /> }),
      column.accessor((d) => d.certificate?.not_after ?? "9", { id: "certificate", header: t("panel.list.certificate"), meta: "cCert", cell: ({ row }) => <Certificate domain={row.original} /> }),
      column.accessor((d) => d.reports.last ?? "", {
        id: "last",
        header: t("panel.list.last_report"),
        meta: "wide",
        sortDescFirst: true,
        cell: ({ row }) => (row.original.reports.last === null ? <span className={css.none}>–</span> : <Ago iso={row.original.reports.last} />),
      }),
    ],
    [t],
  );
}

function Summary({ domains }: { domains: Domain[] }) {
  const { t } = useTranslation();
  const count = (s: Standing) => domains.filter((d) => standing(d) === s).length;
  const needs = count("needs-you");
  const parts = [
    t("panel.list.count", { count: domains.length }),
    needs > 0 ? t("panel.list.answer_needs", { count: needs }) : count("protected") > 0 ? t("panel.list.answer_calm") : t("panel.list.answer_start"),
  ];
  return (
    <p className={css.answer} data-testid="answer">
      {parts.join(" ")}
    </p>
  );
}

export function Domains() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/" });
  const navigate = useNavigate();
  const list = useDomains();
  const columns = useColumns();
  const [sorting, setSorting] = useState<SortingState>([{ id: "state", desc: false }]);
  const [at, setAt] = useState(-1);
  const filterInput = useRef<HTMLInputElement>(null);
  useTitle(t("panel.nav.domains"));

  const all = useMemo(() => list.data?.domains ?? [], [list.data]);
  const shown = useMemo(() => {
    const wanted = search.q?.toLowerCase() ?? "";
    return all.filter((d) => (d.domain.includes(wanted) || d.domain_unicode.toLowerCase().includes(wanted)) && (search.show === undefined || standing(d) === search.show));
  }, [all, search.q, search.show]);
  const table = useReactTable({ data: shown, columns, state: { sorting }, onSortingChange: setSorting, getCoreRowModel: getCoreRowModel(), getSortedRowModel: getSortedRowModel(), getRowId: (d) => d.domain });
  const rows = table.getRowModel().rows;

  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [role=menu]") !== null;
      if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "/") {
        event.preventDefault();
        filterInput.current?.focus();
      } else if (event.key === "j") setAt((n) => Math.min(rows.length - 1, n + 1));
      else if (event.key === "k") setAt((n) => Math.max(0, n - 1));
      else if (event.key === "Enter" && !(event.target instanceof HTMLElement && event.target.closest("a, button"))) {
        const row = rows[at];
        if (row) void navigate({ to: "/domains/$domain", params: { domain: row.original.domain } });
      }
    }
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
    };
  }, [rows, at, navigate]);
  useEffect(() => {
    document.querySelector("tr[data-at]")?.scrollIntoView({ block: "nearest" });
  }, [at]);

  return (
    <>
      <div className={css.head}>
        <h1>{t("panel.nav.domains")}</h1>
        <Button leftSection={<Icon name="plus" />} data-testid="add-domains" renderRoot={(props) => <Link to="/add" {...props} />}>
          {t("panel.list.add")}
        </Button>
      </div>
      {list.isPending ? <Skeleton height={24} width="46ch" mb={20} maw="100%" /> : all.length > 0 && <Summary domains={all} />}
      {list.isError && <Failed error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && (
        <div className={css.frame} style={{ padding: 20 }}>
          {[0, 1, 2, 3, 4].map((i) => (
            <Skeleton key={i} height={20} my={14} />
          ))}
        </div>
      )}
      {list.isSuccess && all.length === 0 && (
        <div className={`${css.frame} ${css.first}`} data-testid="no-domains">
          <h2>{t("panel.list.first_title")}</h2>
          <p>{t("panel.list.first_text")}</p>
          <Button leftSection={<Icon name="plus" />} renderRoot={(props) => <Link to="/add" {...props} />}>
            {t("panel.list.add")}
          </Button>
        </div>
      )}
      {list.isSuccess && all.length > 0 && (
        <>
          <div className={css.bar}>
            <TextInput
              ref={filterInput}
              placeholder={t("panel.list.filter")}
              aria-label={t("panel.list.filter")}
              leftSection={<Icon name="search" />}
              value={search.q ?? ""}
              onChange={(event) => {
                void navigate({ to: "/", search: { ...search, q: event.currentTarget.value || undefined }, replace: true });
              }}
              data-testid="filter"
            />
            {filters.map(([what, colour]) => {
              const count = all.filter((d) => standing(d) === what).length;
              if (count === 0 && search.show !== what) return null;
              return (
                <Link key={what} to="/" search={{ ...search, show: search.show === what ? undefined : what }} replace className={css.filter} aria-current={search.show === what ? "true" : undefined} activeProps={{}} data-testid={`show-${what}`}>
                  <span className={css.dot} style={{ background: colour }} />
                  <b>{count}</b> {t(`panel.list.show.${what}`, { count })}
                </Link>
              );
            })}
          </div>
          <div className={css.frame}>
            {rows.length === 0 ? (
              <Empty>{t("panel.list.none_match")}</Empty>
            ) : (
              <table className={css.table} role="table" data-testid="domains">
                <caption className="visually-hidden">{t("panel.nav.domains")}</caption>
                <thead role="rowgroup">
                  <tr role="row">
                    {table.getFlatHeaders().map((header) => {
                      const sorted = header.column.getIsSorted();
                      return (
                        <th key={header.id} scope="col" role="columnheader" className={css[String(header.column.columnDef.meta)]} aria-sort={sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : "none"}>
                          <button type="button" className={css.sort} onClick={header.column.getToggleSortingHandler()}>
                            {flexRender(header.column.columnDef.header, header.getContext())}
                            {sorted && <Icon name={sorted === "asc" ? "up" : "down"} size={12} />}
                          </button>
                        </th>
                      );
                    })}
                  </tr>
                </thead>
                <tbody role="rowgroup">
                  {rows.map((row, i) => (
                    // The whole row is a target for the mouse; the keyboard has the link in its first cell and j, k, Enter.
                    <tr
                      key={row.id}
                      role="row"
                      data-at={i === at || undefined}
                      data-testid="domain-row"
                      data-domain={row.original.domain}
                      data-state={row.original.state}
                      onClick={(event) => {
                        if (event.target instanceof Element && event.target.closest("a, button") === null) void navigate({ to: "/domains/$domain", params: { domain: row.original.domain } });
                      }}
                    >
                      {row.getVisibleCells().map((cell) => (
                        <td key={cell.id} role="cell" className={css[String(cell.column.columnDef.meta)]}>
                          {flexRender(cell.column.columnDef.cell, cell.getContext())}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </div>
          <p className={css.keys} aria-hidden="true">
            <kbd>/</kbd> {t("panel.list.key_filter")} · <kbd>j</kbd> <kbd>k</kbd> {t("panel.list.key_move")} · <kbd>Enter</kbd> {t("panel.list.key_open")}
          </p>
        </>
      )}
    </>
  );
}

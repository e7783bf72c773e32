// DNS and policy side by side: what waits for a person, what the linter says, and what the owner decides beforehand.
import { Button, NumberInput, Switch, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "../api/client";
import { useMxStanding, useSetMx, useSetPolicyMx } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Icon } from "./icons";
import css from "./mx_standing.module.css";
import { Card, Chip, Empty, Failed, Loading, Notice, useErrorText, Words } from "./parts";
import type { Tone } from "./standing";

type Standing = Schemas["MxStanding"];
type Finding = Schemas["MxFinding"];

const tones: Record<Finding["severity"], Tone> = { error: "red", warning: "amber", info: "grey" };
const daneTone: Partial<Record<Standing["hosts"][number]["dane"], Tone>> = { matches: "green", mismatch: "red", bogus: "red" };

function Findings({ standing, apply, busy }: { standing: Standing; apply: (mx: string[]) => void; busy: boolean }) {
  const { t } = useTranslation();
  if (standing.findings.length === 0) return null;
  return (
    <ul className={css.list}>
      {standing.findings.map((f) => (
        <li key={f.code + (f.pattern ?? "") + (f.host ?? "")} className={css.row} data-testid="mx-finding" data-code={f.code} data-severity={f.severity}>
          <Chip tone={tones[f.severity]}>{f.pattern ?? f.host ?? ""}</Chip>
          <span className={css.text}>
            <Words>{t(`finding.mx_lint.${f.code}`, { pattern: f.pattern ?? "", host: f.host ?? "" })}</Words>
          </span>
          {f.fix !== null && (
            <Button
              variant="default"
              size="xs"
              disabled={busy}
              title={f.fix.join("\n")}
              data-testid="mx-fix"
              onClick={() => {
                if (f.fix) apply(f.fix);
              }}
            >
              {t("panel.mx_standing.fix")}
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function Dane({ standing }: { standing: Standing }) {
  const { t } = useTranslation();
  if (standing.hosts.length === 0) return null;
  return (
    <ul className={css.list}>
      {standing.hosts.map((host) => (
        <li key={host.host} className={css.row} data-testid="mx-dane" data-host={host.host} data-dane={host.dane}>
          <code translate="no">{host.host}</code>
          <Chip tone={daneTone[host.dane] ?? "grey"}>{`DANE: ${t(`panel.mx_standing.dane.${host.dane}`)}`}</Chip>
          <span className={css.dim} translate="no">
            {host.addresses.map((a) => `${a.address} ${a.problem_code === null ? "✓" : a.problem_code}`).join(", ")}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Setting({ domain, standing }: { domain: string; standing: Standing }) {
  const { t } = useTranslation();
  const format = useFormats();
  const set = useSetMx(domain);
  const errorText = useErrorText();
  const [name, setName] = useState("");
  const [days, setDays] = useState<number>();
  const { following, approved, promote_after_days, ready_since } = standing.setting;
  const proposals = [domain, ...standing.providers.map((p) => p.id)].filter((p) => !approved.includes(p));
  const approve = (entry: string) => {
    set.mutate({ approve: [entry] }, { onSuccess: () => { setName(""); } });
  };
  const shown_days = days ?? promote_after_days ?? 14;
  return (
    <div className={css.setting}>
      <Switch
        label={t("panel.mx_standing.follow")}
        description={t("panel.mx_standing.follow_hint")}
        checked={following === "auto"}
        disabled={set.isPending}
        data-testid="mx-follow"
        onChange={(event) => {
          set.mutate({ following: event.currentTarget.checked ? "auto" : "fixed" });
        }}
      />
      {following === "auto" && (
        <div>
          <div className={css.label}>{t("panel.mx_standing.approved")}</div>
          <div className={css.chips}>
            {approved.length === 0 && <span className={css.dim}>{t("panel.mx_standing.approved_none")}</span>}
            {approved.map((entry) => (
              <Button
                key={entry}
                variant="default"
                size="compact-sm"
                rightSection={<Icon name="cross" size={12} />}
                aria-label={t("panel.mx_standing.withdraw", { name: entry })}
                data-testid="mx-approved"
                onClick={() => {
                  set.mutate({ withdraw: [entry] });
                }}
              >
                {entry}
              </Button>
            ))}
          </div>
          <form
            className={css.form}
            onSubmit={(event) => {
              event.preventDefault();
              if (name.trim() !== "") approve(name.trim());
            }}
          >
            <TextInput size="xs" aria-label={t("panel.mx_standing.approve_name")} placeholder={t("panel.mx_standing.approve_name")} value={name} maxLength={253} data-testid="mx-approve-name" onChange={(event) => { setName(event.currentTarget.value); }} />
            <Button type="submit" size="xs" variant="default" disabled={name.trim() === ""} loading={set.isPending} data-testid="mx-approve">
              {t("panel.mx_standing.approve")}
            </Button>
            {proposals.map((entry) => (
              <Button key={entry} size="xs" variant="subtle" leftSection={<Icon name="plus" size={12} />} disabled={set.isPending} onClick={() => { approve(entry); }}>
                {entry}
              </Button>
            ))}
          </form>
        </div>
      )}
      {standing.mode !== "enforce" && (
        <div className={css.promotion}>
          <Switch
            label={<Words>{t("panel.mx_standing.promote")}</Words>}
            description={ready_since === null ? t("panel.mx_standing.promote_hint") : t("panel.mx_standing.ready_since", { date: format.date(ready_since) })}
            checked={promote_after_days !== null}
            disabled={set.isPending}
            data-testid="mx-promote"
            onChange={(event) => {
              set.mutate({ promote_after_days: event.currentTarget.checked ? shown_days : null });
            }}
          />
          <NumberInput
            size="xs"
            label={t("panel.mx_standing.promote_days")}
            value={shown_days}
            min={1}
            max={365}
            allowDecimal={false}
            w={140}
            onChange={(value) => {
              if (typeof value === "number") setDays(value);
            }}
            onBlur={() => {
              if (promote_after_days !== null && days !== undefined && days !== promote_after_days) set.mutate({ promote_after_days: days });
            }}
          />
        </div>
      )}
      {set.isError && (
        <Notice tone="amber" live>
          {errorText(set.error)}
        </Notice>
      )}
    </div>
  );
}

export function MxStanding({ domain }: { domain: string }) {
  const { t } = useTranslation();
  const format = useFormats();
  const standing = useMxStanding(domain);
  const setMx = useSetPolicyMx(domain);
  const errorText = useErrorText();
  const apply = (mx: string[]) => {
    setMx.mutate(mx, { onSuccess: () => void standing.refetch() });
  };
  const data = standing.data;
  const without = (pattern: string) => data?.policy_mx.filter((p) => p !== pattern) ?? [];
  return (
    <Card title={t("panel.mx_standing.title")} testid="mx-standing">
      {standing.isPending && <Loading height={120} />}
      {standing.isError && <Failed error={standing.error} retry={() => void standing.refetch()} />}
      {data && (
        <div className={css.body}>
          {data.providers.length > 0 && (
            <ul className={css.list}>
              {data.providers.map((p) => (
                <li key={p.id} className={css.row} data-testid="mx-provider" data-id={p.id}>
                  <b>{p.name}</b>
                  <span className={css.text}>
                    {p.wildcards.length === 0 ? t("panel.mx_standing.provider_narrow", { patterns: p.patterns.join(", ") }) : t("panel.mx_standing.provider_wildcard", { patterns: p.patterns.join(", "), wildcards: p.wildcards.join(", ") })}
                  </span>
                </li>
              ))}
            </ul>
          )}
          {data.policy_mx.length > 0 && data.findings.length === 0 && data.new_hosts.length === 0 && data.unneeded.length === 0 && <Empty>{t("panel.mx_standing.clean")}</Empty>}
          {data.new_hosts.map((host) => (
            <Notice key={host.host} tone={data.mode === "enforce" && host.waits ? "red" : "amber"} testid="mx-new">
              <Words>{t(host.waits ? (host.vouched === "none" ? "panel.mx_standing.new_unvouched" : "panel.mx_standing.new_waits") : "panel.mx_standing.new_added", { host: host.host })}</Words>
            </Notice>
          ))}
          <Findings standing={data} apply={apply} busy={setMx.isPending} />
          {data.unneeded.map((one) => (
            <div key={one.pattern} className={css.row} data-testid="mx-unneeded" data-pattern={one.pattern}>
              <span className={css.text}>
                <Words>{t(one.propose_removal ? "panel.mx_standing.unneeded_long" : "panel.mx_standing.unneeded", { pattern: one.pattern, date: format.date(one.since) })}</Words>
              </span>
              {without(one.pattern).length > 0 && (
                <Button size="xs" variant={one.propose_removal ? "filled" : "default"} disabled={setMx.isPending} data-testid="mx-take-out" onClick={() => { apply(without(one.pattern)); }}>
                  {t("panel.mx_standing.take_out")}
                </Button>
              )}
            </div>
          ))}
          {setMx.isError && (
            <Notice tone="amber" live>
              {errorText(setMx.error)}
            </Notice>
          )}
          <Dane standing={data} />
          <Setting domain={domain} standing={data} />
        </div>
      )}
    </Card>
  );
}

// Adding a domain: name → three records with live ticks → certificate → testing. The address says which domain, so
// the page can be left and come back to.
import { Button, Checkbox, NativeSelect, Skeleton, Textarea } from "@mantine/core";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { Trans, useTranslation } from "react-i18next";
import type { Uses } from "../api/client";
import type { DomainDetail } from "../api/client";
import { useAddDomain, useAddDomains, useDomain } from "../api/queries";
import { Icon } from "../parts/icons";
import { Card, Failed, Notice, useErrorText, useTitle, Words } from "../parts/parts";
import { Progress } from "../parts/progress";
import { ProviderNotes } from "../parts/providers";
import { CopyBar, Records, recordsTitle } from "../parts/records";
import { standing } from "../parts/standing";
import { useAnswer } from "../parts/state_line";
import { Back } from "./domain";
import css from "./add.module.css";

const choices: Uses[] = ["both", "mta-sts", "tls-rpt", "watch"];

const steps = ["name", "records", "certificate", "testing"] as const;

/** Names as people paste them: a column, a list with commas, an address of a page or a mailbox. */
export function namesOf(pasted: string): string[] {
  const names = pasted
    .split(/[\s,;]+/)
    .map((word) => word.replace(/^[a-z]+:\/\//i, "").replace(/^[^@]*@/, "").replace(/[/:?#].*$/, "").replace(/\.$/, "").toLowerCase())
    .filter((word) => word !== "");
  return [...new Set(names)];
}

function Steps({ here }: { here: number }) {
  const { t } = useTranslation();
  return (
    <ol className={css.steps} data-testid="wizard-steps" data-step={steps[here] ?? "done"}>
      {steps.map((step, i) => (
        <li key={step} data-place={i < here ? "done" : i === here ? "here" : "ahead"} aria-current={i === here ? "step" : undefined}>
          <b>{i < here ? <Icon name="check" size={13} /> : i + 1}</b>
          <span>{t(`panel.add.step.${step}`)}</span>
        </li>
      ))}
    </ol>
  );
}

export function Add() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const add = useAddDomain();
  const addMany = useAddDomains();
  const [uses, setUses] = useState<Uses>("both");
  const [takeOver, setTakeOver] = useState(false);
  const errorText = useErrorText();
  const [pasted, setPasted] = useState("");
  const [results, setResults] = useState<{ name: string; domain?: { domain: string; domain_unicode: string }; would?: boolean; error?: Error }[]>([]);
  useTitle(t("panel.list.add"));
  const names = namesOf(pasted);

  async function many(dry_run: boolean) {
    const done = await addMany.mutateAsync({ text: names.join("\n"), uses, dry_run });
    setResults(
      done.lines.map((line) =>
        line.result === "refused"
          ? { name: line.text, error: new Error(line.message ?? line.code ?? "") }
          : { name: line.text, would: dry_run, domain: { domain: line.domain ?? line.text, domain_unicode: line.text } },
      ),
    );
  }
  async function submit(event: FormEvent) {
    event.preventDefault();
    if (names.length > 1 && !takeOver) {
      await many(false);
      return;
    }
    const found: typeof results = [];
    // One after another: each answer is shown as it comes, and a mistake in one name stops no other.
    for (const name of names) {
      try {
        found.push({ name, domain: await add.mutateAsync({ domain: name, uses, import: takeOver }) });
      } catch (error) {
        found.push({ name, error: error instanceof Error ? error : new Error() });
      }
      setResults([...found]);
    }
    const only = found.length === 1 ? found[0]?.domain : undefined;
    if (only) void navigate({ to: uses === "watch" ? "/domains/$domain" : "/add/$domain", params: { domain: only.domain } });
  }
  return (
    <div className={css.page}>
      <div>
        <Back>{t("panel.nav.domains")}</Back>
        <h1>{t("panel.list.add")}</h1>
      </div>
      <Steps here={0} />
      <p className={css.lead}>
        <Words>{t("panel.add.lead")}</Words>
      </p>
      <form className={css.card} onSubmit={(event) => void submit(event)}>
        <Textarea
          label={t("panel.add.names")}
          description={t("panel.add.names_hint")}
          placeholder={"example.com\nпочта.рф"}
          value={pasted}
          onChange={(event) => {
            setPasted(event.currentTarget.value);
            setResults([]);
          }}
          autosize
          minRows={3}
          maxRows={12}
          spellCheck={false}
          autoCapitalize="none"
          data-testid="add-names"
        />
        <NativeSelect
          label={t("panel.add.uses")}
          value={uses}
          onChange={(event) => {
            setUses(event.currentTarget.value as Uses);
          }}
          data={choices.map((value) => ({ value, label: t(`panel.add.use.${value}`) }))}
          data-testid="add-uses"
        />
        {(uses === "both" || uses === "mta-sts") && (
          <Checkbox
            label={t("panel.add.import")}
            description={t("panel.add.import_hint")}
            checked={takeOver}
            onChange={(event) => {
              setTakeOver(event.currentTarget.checked);
            }}
            data-testid="add-import"
          />
        )}
        {addMany.isError && (
          <Notice tone="amber" live>
            {errorText(addMany.error)}
          </Notice>
        )}
        <div className={css.foot}>
          {names.length > 1 && !takeOver && (
            <Button
              variant="default"
              loading={addMany.isPending}
              onClick={() => {
                void many(true);
              }}
              data-testid="add-check"
            >
              {t("panel.add.check")}
            </Button>
          )}
          <Button type="submit" disabled={names.length === 0} loading={add.isPending || addMany.isPending} data-testid="add-submit">
            {names.length > 1 ? t("panel.add.submit_many", { count: names.length }) : t("panel.add.submit")}
          </Button>
        </div>
        {results.length > 0 && (
          <ul className={css.results} aria-live="polite" data-testid="add-results">
            {results.map((result) => (
              <li key={result.name} data-ok={result.domain !== undefined}>
                <span style={{ color: result.domain ? "var(--green)" : "var(--amber)" }}>
                  <Icon name={result.domain ? "check" : "alert"} />
                </span>
                <div>
                  {result.domain && result.would ? (
                    <>
                      {result.domain.domain_unicode}: {t("panel.add.would")}
                    </>
                  ) : result.domain ? (
                    <Link to="/add/$domain" params={{ domain: result.domain.domain }}>
                      {result.domain.domain_unicode}
                    </Link>
                  ) : (
                    <>
                      <b>{result.name}</b>: {result.error && errorText(result.error)}
                    </>
                  )}
                </div>
              </li>
            ))}
          </ul>
        )}
      </form>
    </div>
  );
}

function stepOf(domain: DomainDetail): number {
  switch (domain.state) {
    case "pending":
      return 1;
    case "verified":
    case "certificate":
      return 2;
    default:
      return 4;
  }
}

/** What to do now: publish the records, those that are still missing, or mend the one that cannot work. */
function Lead({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const answer = useAnswer();
  const untouched = standing(domain) !== "needs-you" && domain.records.every((r) => !r.seen);
  return <p className={css.lead}>{untouched ? t("panel.add.publish") : answer(domain)}</p>;
}

export function AddDomain() {
  const { t } = useTranslation();
  const { domain: name } = useParams({ from: "/add/$domain" });
  const query = useDomain(name);
  const domain = query.data;
  const here = domain ? stepOf(domain) : 1;
  useTitle(t("panel.add.title", { domain: domain?.domain_unicode ?? name }));
  return (
    <div className={css.page} data-testid="wizard" data-state={domain?.state}>
      <div>
        <Back>{t("panel.nav.domains")}</Back>
        <h1>{t("panel.add.title", { domain: domain?.domain_unicode ?? name })}</h1>
      </div>
      <Steps here={here} />
      {query.isError && <Failed error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Skeleton height={260} />}
      {domain && (
        <>
          {here === 1 && <Lead domain={domain} />}
          {here === 2 && <p className={css.lead}>{t("panel.add.issuing")}</p>}
          {here === 4 && (
            <Notice tone="green" icon="check" testid="wizard-done">
              <div className={css.done}>
                <p>
                  <Words>{t("panel.add.done", { domain: domain.domain_unicode })}</Words>
                </p>
                <Button renderRoot={(props) => <Link to="/domains/$domain" params={{ domain: domain.domain }} {...props} />} data-testid="open-domain">
                  {t("panel.add.open")}
                </Button>
              </div>
            </Notice>
          )}
          <Card title={t(recordsTitle(domain))} flush actions={<CopyBar domain={domain} />}>
            <Records domain={domain} />
          </Card>
          {here > 1 && (
            <Card title={t("panel.progress.title")}>
              <Progress steps={domain.progress} />
            </Card>
          )}
          {here === 1 && (
            <ul className={css.hints}>
              <li>
                <ProviderNotes />
              </li>
              <li>{t("panel.add.hint_once")}</li>
              <li>{t("panel.add.hint_proxy")}</li>
              <li>
                <Trans i18nKey="panel.add.hint_leave" components={{ a: <Link to="/">{null}</Link> }} />
              </li>
            </ul>
          )}
        </>
      )}
    </div>
  );
}

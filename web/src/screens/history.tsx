// What became of one domain, and the owner's own addresses for reports.
import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { DomainDetail } from "../api/client";
import { useHistory, useSetRua } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Card, CopyIcon, Empty, Failed, Loading, Notice, useErrorText, Words } from "../parts/parts";
import { useAction, useValues } from "./audit";
import css from "./domain.module.css";

export function History({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const format = useFormats();
  const action = useAction();
  const values = useValues(format);
  const history = useHistory(domain.domain);
  return (
    <Card title={t("panel.history.title")} note={t("panel.history.note")} testid="history">
      {history.isPending && <Loading height={80} />}
      {history.isError && <Failed error={history.error} retry={() => void history.refetch()} />}
      {history.data?.entries.length === 0 && <Empty>{t("panel.audit.none")}</Empty>}
      {history.data && history.data.entries.length > 0 && (
        <ol className={css.plain}>
          {history.data.entries.map((entry) => (
            <li key={entry.id} data-testid="history-entry" data-action={entry.action}>
              <time dateTime={entry.at} title={format.exact(entry.at)} className={css.dim}>
                {format.dateTime(entry.at)}
              </time>{" "}
              <Words>{action(entry.action)}</Words>
              {": "}
              <Words>{[values(entry.from), values(entry.to)].filter((v) => v !== null).join(" → ") || "–"}</Words>{" "}
              <span className={css.dim}>({entry.actor.kind === "system" ? t("panel.audit.system") : entry.actor.name})</span>
              {entry.reason !== null && (
                <div className={css.dim} lang="en">
                  {entry.reason}
                </div>
              )}
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

export function OwnRua({ domain }: { domain: DomainDetail }) {
  const { t } = useTranslation();
  const [text, setText] = useState(domain.own_rua.join("\n"));
  const change = useSetRua(domain.domain);
  const errorText = useErrorText();
  const wanted = text.split(/\s+/).filter((one) => one !== "");
  const same = wanted.join("\n") === domain.own_rua.join("\n");
  if (!domain.records.some((record) => record.purpose === "reports")) return null;
  return (
    <Card title={t("panel.rua.title")} note={t("panel.rua.note")} testid="own-rua">
      <Textarea
        label={t("panel.rua.addresses")}
        description={<Words>{t("panel.rua.hint")}</Words>}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          change.reset();
        }}
        autosize
        minRows={2}
        maxRows={8}
        spellCheck={false}
        disabled={domain.state === "retiring"}
        data-testid="rua-addresses"
      />
      {change.isError && (
        <Notice tone="amber" live testid="rua-error">
          {errorText(change.error)}
        </Notice>
      )}
      <div className={css.save}>
        <Button
          variant="default"
          size="xs"
          disabled={same}
          loading={change.isPending}
          onClick={() => {
            change.mutate(wanted);
          }}
          data-testid="rua-save"
        >
          {t("panel.rua.save")}
        </Button>
      </div>
      {domain.tlsrpt_record !== null && (
        <p>
          <code translate="no" style={{ overflowWrap: "anywhere" }} data-testid="tlsrpt-record">
            {domain.tlsrpt_record}
          </code>{" "}
          <CopyIcon text={domain.tlsrpt_record} label={t("panel.rua.copy")} />
        </p>
      )}
    </Card>
  );
}

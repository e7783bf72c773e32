// Who gets no reports for now: a mailbox that bounces, a server that is gone, somebody who asked for it.
import { Button, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useLiftSuppression, useSuppress, useSuppressions } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Ago, Card, Chip, Empty, Failed, Loading, Notice, Table, useErrorText, Words } from "../parts/parts";
import css from "./domain.module.css";

const terms = ["7", "30", "90", "365", "for-ever"] as const;
type Term = (typeof terms)[number];

function AddSuppression() {
  const { t } = useTranslation();
  const say = useErrorText();
  const suppress = useSuppress();
  const [target, setTarget] = useState("");
  const [reason, setReason] = useState("");
  const [term, setTerm] = useState<Term>("30");
  const add = () => {
    suppress.mutate(
      { target: target.trim(), days: term === "for-ever" ? null : Number(term), reason: reason.trim() },
      {
        onSuccess: () => {
          setTarget("");
          setReason("");
        },
      },
    );
  };
  return (
    <form
      style={{ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "end", padding: "4px 20px 16px" }}
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <TextInput style={{ flex: "1 1 220px" }} label={t("panel.suppressions.target")} placeholder="tlsrpt@example.com" value={target} onChange={(event) => setTarget(event.currentTarget.value)} data-testid="suppress-target" />
      <TextInput style={{ flex: "1 1 180px" }} label={t("panel.suppressions.reason")} value={reason} onChange={(event) => setReason(event.currentTarget.value)} data-testid="suppress-reason" />
      <Select
        style={{ flex: "0 1 150px" }}
        label={t("panel.suppressions.until")}
        data={terms.map((value) => ({ value, label: value === "for-ever" ? t("panel.suppressions.for_ever") : t("panel.suppressions.days", { count: Number(value) }) }))}
        value={term}
        onChange={(value) => setTerm(terms.find((one) => one === value) ?? "30")}
        allowDeselect={false}
        data-testid="suppress-term"
      />
      <Button type="submit" variant="default" disabled={target.trim() === ""} loading={suppress.isPending} data-testid="suppress-add">
        {t("panel.suppressions.add")}
      </Button>
      {suppress.isError && (
        <div style={{ flexBasis: "100%" }}>
          <Notice tone="red" live testid="suppress-problem">
            {say(suppress.error)}
          </Notice>
        </div>
      )}
    </form>
  );
}

export function Suppressions() {
  const { t } = useTranslation();
  const format = useFormats();
  const say = useErrorText();
  const list = useSuppressions();
  const lift = useLiftSuppression();
  return (
    <Card title={t("panel.suppressions.title")} note={<Words>{t("panel.suppressions.note")}</Words>} flush testid="suppressions">
      <AddSuppression />
      {list.isPending && <Loading height={60} />}
      {list.isError && <Failed error={list.error} retry={() => void list.refetch()} />}
      {lift.isError && <Notice tone="red">{say(lift.error)}</Notice>}
      {list.data?.suppressions.length === 0 && <Empty>{t("panel.suppressions.none")}</Empty>}
      {list.data && list.data.suppressions.length > 0 && (
        <Table
          caption={t("panel.suppressions.title")}
          rows={list.data.suppressions}
          rowKey={(s) => s.target}
          rowProps={(s) => ({ "data-testid": "suppression", "data-target": s.target, "data-in-force": String(s.in_force) })}
          columns={[
            { head: t("panel.suppressions.target"), label: "", cell: (s) => <code translate="no">{s.target}</code> },
            {
              head: t("panel.suppressions.until"),
              cell: (s) => (s.in_force ? (s.until === null ? t("panel.suppressions.for_ever") : format.dateTime(s.until)) : <Chip tone="grey" plain>{t("panel.suppressions.over")}</Chip>),
            },
            {
              head: t("panel.suppressions.reason"),
              cell: (s) => (
                <>
                  {s.reason ?? "–"}
                  <div className={css.dim}>
                    {s.actor !== null && <>{s.actor}, </>}
                    <Ago iso={s.added} />
                  </div>
                </>
              ),
            },
            {
              head: "",
              cell: (s) => (
                <Button variant="default" size="compact-sm" loading={lift.isPending && lift.variables === s.target} onClick={() => lift.mutate(s.target)} data-testid="suppression-lift">
                  {t("panel.suppressions.lift")}
                </Button>
              ),
            },
          ]}
        />
      )}
    </Card>
  );
}

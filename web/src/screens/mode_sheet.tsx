// Changing the mode: first what it means for the people who send mail here, then one button.
import { Button, Drawer, Textarea } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, type DomainDetail, type Mode } from "../api/client";
import { useRetire, useSetMode } from "../api/queries";
import { useFormats } from "../i18n/format";
import { Notice, useErrorText, Words } from "../parts/parts";
import { Conditions } from "../parts/readiness";
import css from "./domain.module.css";

const modes: Mode[] = ["testing", "enforce", "none"];
const reason_min = 3;

function Consequences({ domain, mode }: { domain: DomainDetail; mode: Mode }) {
  const { t } = useTranslation();
  const format = useFormats();
  const clean = domain.readiness?.conditions.find((c) => c.id === "reports-clean")?.data;
  const until = domain.holding.enforce_until;
  const points: string[] = [];

  if (mode === "enforce") {
    points.push(t("panel.mode.enforce_senders"));
    if (clean?.sessions !== undefined && clean.refused_sessions !== undefined) {
      points.push(
        clean.sessions === 0
          ? t("panel.mode.enforce_no_traffic")
          : t("panel.mode.enforce_traffic", { count: clean.refused_sessions, refused: format.number(clean.refused_sessions), sessions: format.number(clean.sessions) }),
      );
    }
    points.push(t("panel.mode.enforce_undo"));
  } else {
    points.push(t(mode === "testing" ? "panel.mode.testing_senders" : "panel.mode.none_senders"));
    if (domain.mode === "enforce") {
      points.push(until === null ? t("panel.mode.leaving_unknown") : t("panel.mode.leaving", { date: format.date(until) }));
      points.push(domain.holding.senders === null ? t("panel.mode.holders_unknown") : t("panel.mode.holders", { count: domain.holding.senders }));
    }
    if (mode === "none") points.push(t("panel.mode.none_cnames"));
  }
  points.push(t("panel.mode.no_dns"));
  return (
    <ul className={css.plain}>
      {points.map((point) => (
        <li key={point}>
          <Words>{point}</Words>
        </li>
      ))}
    </ul>
  );
}

export function ModeSheet({ domain, opened, onClose }: { domain: DomainDetail; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Mode>();
  const [reason, setReason] = useState("");
  const change = useSetMode(domain.domain);
  const errorText = useErrorText();
  const group = useId();
  const current = domain.pending_mode ?? domain.mode;
  const mode = chosen ?? (current === "testing" ? "enforce" : "testing");
  const refused = change.error instanceof ApiError && change.error.code === "gate-refused" ? (change.error.problem.reasons ?? []) : null;
  // The server decides; what is known here only spares a refusal.
  const shut = mode === "enforce" && current !== "enforce" && (refused !== null || domain.readiness?.ready === false);
  const conditions = refused && refused.length > 0 ? refused : (domain.readiness?.conditions ?? []);

  function close() {
    change.reset();
    setChosen(undefined);
    setReason("");
    onClose();
  }
  function submit() {
    change.mutate({ mode, ...(shut ? { override_reason: reason.trim() } : {}) }, { onSuccess: close });
  }
  return (
    <Drawer opened={opened} onClose={close} title={<b>{t("panel.mode.title", { domain: domain.domain_unicode })}</b>} closeButtonProps={{ "aria-label": t("panel.close") }}>
      <div className={css.sheet} data-testid="mode-sheet">
        <fieldset className={css.modes}>
          <legend className="visually-hidden">{t("panel.list.mode")}</legend>
          {modes.map((m) => (
            <label key={m} className={css.modeCard} htmlFor={`${group}-${m}`}>
              <input
                type="radio"
                id={`${group}-${m}`}
                name={group}
                checked={mode === m}
                onChange={() => {
                  setChosen(m);
                  change.reset();
                }}
                data-testid={`choose-${m}`}
              />
              <div>
                <code lang="en">
                  <b>{m}</b>
                </code>{" "}
                {m === current && <span>({t("panel.mode.current")})</span>}
                <br />
                <span>{t(`words.mode_meaning.${m}`)}</span>
              </div>
            </label>
          ))}
        </fieldset>
        {mode !== current && (
          <>
            <div data-testid="consequence">
              <h3>{t("panel.mode.what_happens")}</h3>
              <Consequences domain={domain} mode={mode} />
            </div>
            {mode === "enforce" && conditions.length > 0 && (
              <div>
                <h3>
                  <Words>{t("panel.readiness.title")}</Words>
                </h3>
                <Conditions conditions={conditions} testid="gate" />
              </div>
            )}
            {change.isError && refused === null && (
              <Notice tone="red" live testid="mode-error">
                {errorText(change.error)}
              </Notice>
            )}
            {refused !== null && (
              <Notice tone="amber" live testid="gate-refused">
                <Words>{t("problem.gate-refused")}</Words>
              </Notice>
            )}
          </>
        )}
        <div className={css.foot}>
          {shut && (
            <Textarea
              label={t("panel.mode.override")}
              description={t("panel.mode.override_hint")}
              value={reason}
              onChange={(event) => {
                setReason(event.currentTarget.value);
              }}
              autosize={false}
              rows={2}
              maxLength={500}
              data-testid="override-reason"
            />
          )}
          <Button variant="default" onClick={close}>
            {t("panel.cancel")}
          </Button>
          <Button color={shut ? "red" : undefined} disabled={mode === current || (shut && reason.trim().length < reason_min)} loading={change.isPending} onClick={submit} data-testid="mode-confirm">
            <span>
              <Words>{shut ? t("panel.mode.confirm_anyway") : t("panel.mode.confirm", { mode })}</Words>
            </span>
          </Button>
        </div>
      </div>
    </Drawer>
  );
}

export function RetireSheet({ domain, opened, onClose }: { domain: DomainDetail; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const retire = useRetire(domain.domain);
  const navigate = useNavigate();
  const errorText = useErrorText();
  function submit() {
    retire.mutate(undefined, {
      onSuccess: (left) => {
        onClose();
        // A domain that never moved in has no page any more.
        if (left.state === "gone") void navigate({ to: "/" });
      },
    });
  }
  return (
    <Drawer opened={opened} onClose={onClose} title={<b>{t(domain.mode === null ? "panel.retire.title_new" : "panel.retire.title", { domain: domain.domain_unicode })}</b>} closeButtonProps={{ "aria-label": t("panel.close") }}>
      <div className={css.sheet} data-testid="retire-sheet">
        {domain.mode === null ? (
          <p>{t("panel.retire.gone_at_once")}</p>
        ) : (
          <ul className={css.plain}>
            <li>
              <Words>{t("panel.retire.none")}</Words>
            </li>
            <li>{t("panel.retire.keep")}</li>
            <li>{t("panel.retire.removal_alone")}</li>
          </ul>
        )}
        {retire.isError && (
          <Notice tone="red" live>
            {errorText(retire.error)}
          </Notice>
        )}
        <div className={css.foot}>
          <Button variant="default" onClick={onClose}>
            {t("panel.cancel")}
          </Button>
          <Button loading={retire.isPending} data-testid="retire-confirm" onClick={submit}>
            {domain.mode === null ? t("panel.retire.confirm_new") : t("panel.retire.confirm")}
          </Button>
        </div>
      </div>
    </Drawer>
  );
}

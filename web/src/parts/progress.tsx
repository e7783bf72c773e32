// The way from records to the published id, as the jobs report it.
import { useTranslation } from "react-i18next";
import type { DomainDetail } from "../api/client";
import { useFormats } from "../i18n/format";
import css from "../screens/domain.module.css";
import { Icon, type IconName } from "./icons";
import { Ago, Words } from "./parts";

const icon: Record<DomainDetail["progress"][number]["status"], IconName> = { waiting: "dots", running: "refresh", done: "check", failed: "alert" };

export function Progress({ steps }: { steps: DomainDetail["progress"] }) {
  const { t } = useTranslation();
  const format = useFormats();
  return (
    <ol className={css.progress} aria-live="polite" data-testid="progress-steps">
      {steps.map((step) => (
        <li key={step.step} data-status={step.status} data-step={step.step}>
          <Icon name={icon[step.status]} />
          <span>
            <Words>{t(`panel.progress.step.${step.step}`)}</Words>
            <span className="visually-hidden"> ({t(`panel.progress.status.${step.status}`)})</span>
          </span>
          {step.at !== null && step.status === "done" ? <Ago iso={step.at} /> : <span />}
          {step.status === "failed" && (
            <div className={css.note}>
              {/* The jobs' own words, for a person who knows servers. */}
              <span lang="en">{step.message}</span>
              {step.next_try !== null && <div>{t("panel.progress.next_try", { time: format.dateTime(step.next_try) })}</div>}
            </div>
          )}
        </li>
      ))}
    </ol>
  );
}

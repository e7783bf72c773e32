// No session: says how to get a one-time link, and takes one that was copied instead of opened.
import { Button, TextInput } from "@mantine/core";
import { Navigate } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { Trans, useTranslation } from "react-i18next";
import { useSignIn } from "../api/queries";
import { LanguageMenu, ThemeMenu } from "../app/shell";
import { Mark } from "../parts/icons";
import { CopyIcon, Notice, useErrorText, useTitle } from "../parts/parts";
import css from "./sign_in.module.css";

const command = "postseal user link";

/** The token of a pasted link, or the pasted word itself. */
export function tokenOf(pasted: string): string {
  return /[?&]token=([^&#\s]+)/.exec(pasted)?.[1] ?? pasted.trim();
}

export function SignIn() {
  const { t } = useTranslation();
  const signIn = useSignIn();
  const errorText = useErrorText();
  const [pasted, setPasted] = useState("");
  useTitle(t("panel.sign_in.title"));
  const stale_link = new URLSearchParams(window.location.search).get("problem") !== null && signIn.isIdle;

  function submit(event: FormEvent) {
    event.preventDefault();
    const token = tokenOf(pasted);
    if (token !== "") signIn.mutate(token);
  }
  return (
    <div className={css.page} data-testid="sign-in">
      <div className={css.top}>
        <LanguageMenu />
        <ThemeMenu />
      </div>
      <main className={css.box}>
        <Mark size={44} />
        <h1>{t("panel.sign_in.title")}</h1>
        <p className={css.lead}>{t("panel.sign_in.lead")}</p>
        {stale_link && (
          <div style={{ marginTop: 16 }}>
            <Notice tone="amber" testid="sign-in-problem">
              {t("problem.link-invalid")}
            </Notice>
          </div>
        )}
        <ol className={css.steps}>
          <li>
            <div>
              {t("panel.sign_in.run")}
              <div className={css.command}>
                <code translate="no">{command}</code>
                <CopyIcon text={command} label={t("panel.copy_command")} />
              </div>
            </div>
          </li>
          <li>
            <form onSubmit={submit}>
              <label htmlFor="link">{t("panel.sign_in.open")}</label>
              <div className={css.form}>
                <TextInput
                  id="link"
                  value={pasted}
                  onChange={(event) => {
                    setPasted(event.currentTarget.value);
                  }}
                  placeholder="https://…/sign-in?token=…"
                  autoComplete="off"
                  spellCheck={false}
                  error={signIn.isError ? errorText(signIn.error) : undefined}
                  data-testid="sign-in-link"
                />
                <Button type="submit" loading={signIn.isPending} data-testid="sign-in-submit">
                  {t("panel.sign_in.submit")}
                </Button>
              </div>
            </form>
          </li>
        </ol>
        <p className={css.foot}>
          <Trans i18nKey="panel.sign_in.foot" components={{ c: <code translate="no" /> }} />
        </p>
      </main>
    </div>
  );
}

export const SignedIn = () => <Navigate to="/" replace />;

// What is around every screen: rail, top bar, the one quiet line when the connection is lost, and the sign-in screen
// instead of everything while there is no session.
import { Menu, Tooltip, useMantineColorScheme, type MantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "../api/client";
import { useEvents } from "../api/events";
import { useAlerts, useSession, useSignOut } from "../api/queries";
import { languages, speak, speakAs } from "../i18n";
import { Icon, Mark, type IconName } from "../parts/icons";
import { Empty, Failed } from "../parts/parts";
import { SignIn } from "../screens/sign_in";
import css from "./shell.module.css";

// Each language names itself.
const languageName = { en: "English", ru: "Русский" } as const;

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <button type="button" className={css.topButton} aria-label={`${t("panel.language")}: ${i18n.language.toUpperCase()}`} data-testid="language-menu">
          <Icon name="globe" />
          <span aria-hidden="true">{i18n.language.toUpperCase()}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {languages.map((language) => (
          <Menu.Item key={language} lang={language} leftSection={i18n.language === language ? <Icon name="check" /> : <span style={{ width: 16 }} />} onClick={() => void speak(language, true)} data-testid={`language-${language}`}>
            {languageName[language]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function ThemeMenu() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const choices: [MantineColorScheme, IconName][] = [
    ["auto", "screen"],
    ["light", "sun"],
    ["dark", "moon"],
  ];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <button type="button" className={css.topButton} aria-label={t("panel.theme.title")} data-testid="theme-menu">
          <Icon name={colorScheme === "dark" ? "moon" : colorScheme === "light" ? "sun" : "screen"} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(([scheme, icon]) => (
          <Menu.Item
            key={scheme}
            leftSection={<Icon name={icon} />}
            rightSection={colorScheme === scheme ? <Icon name="check" /> : null}
            onClick={() => {
              setColorScheme(scheme);
            }}
            data-testid={`theme-${scheme}`}
          >
            {t(`panel.theme.${scheme}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu({ name }: { name: string }) {
  const { t } = useTranslation();
  const signOut = useSignOut();
  const client = useQueryClient();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <button type="button" className={css.topButton} aria-label={t("panel.account", { name })} data-testid="user-menu">
          <span aria-hidden="true">{name}</span>
          <Icon name="down" size={14} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<Icon name="leave" />}
          data-testid="sign-out"
          onClick={() => {
            signOut.mutate(undefined, {
              onSettled: () => {
                client.clear();
                window.location.assign("/sign-in");
              },
            });
          }}
        >
          {t("panel.sign_out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** How many alerts nobody has acknowledged; nothing when there are none. */
function AlertBadge() {
  const { t } = useTranslation();
  const open = useAlerts("open").data?.open;
  if (!open || open.unacknowledged === 0) return null;
  return (
    <span className={css.badge} data-testid="alert-badge" data-count={open.unacknowledged} data-urgent={open.critical > 0 || undefined} aria-label={t("panel.alerts.count", { count: open.unacknowledged })} role="img">
      {open.unacknowledged > 99 ? "99+" : open.unacknowledged}
    </span>
  );
}

const rooms = [
  { to: "/", icon: "globe", key: "panel.nav.domains", testid: "nav-domains" },
  { to: "/alerts", icon: "bell", key: "panel.nav.alerts", testid: "nav-alerts" },
  { to: "/certificates", icon: "shield", key: "panel.nav.certificates", testid: "nav-certificates" },
  { to: "/sending", icon: "send", key: "panel.nav.sending", testid: "nav-sending" },
  { to: "/audit", icon: "book", key: "panel.nav.audit", testid: "nav-audit" },
] as const;

export function Shell() {
  const { t } = useTranslation();
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [folded, setFolded] = useState(false);
  const connection = useEvents(session.isSuccess);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(path);

  const session_language = session.data?.language ?? null;
  useEffect(() => {
    void speakAs(session_language);
  }, [session_language]);
  useEffect(() => {
    // A new screen begins at its top for the keyboard and for readers too.
    if (shown.current !== path) main.current?.focus({ preventScroll: true });
    shown.current = path;
  }, [path]);

  if (session.isPending) return null;
  if (session.isError) {
    if (session.error instanceof ApiError && session.error.status === 401) return <SignIn />;
    return (
      <div style={{ padding: 24 }}>
        <Failed error={session.error} retry={() => void session.refetch()} />
      </div>
    );
  }
  const inDomains = path === "/" || path.startsWith("/domains") || path.startsWith("/add");
  return (
    <div className={css.shell} data-folded={folded || undefined} data-testid="shell">
      <a href="#main" className={css.skip}>
        {t("panel.skip")}
      </a>
      <nav className={css.rail} aria-label={t("panel.nav.title")}>
        <Link to="/" className={css.brand} tabIndex={-1} aria-hidden="true">
          <Mark />
          <span className={css.label}>Postseal</span>
        </Link>
        <ul className={css.nav}>
          {rooms.map((room) => (
            <li key={room.to}>
              <Tooltip label={t(room.key)} position="right" disabled={!folded}>
                <Link to={room.to} data-testid={room.testid} {...(room.to === "/" ? { "data-status": inDomains ? "active" : undefined, "aria-current": inDomains ? "page" : undefined } : {})} activeOptions={{ exact: room.to === "/" }}>
                  <Icon name={room.icon} />
                  <span className={css.label}>{t(room.key)}</span>
                  {room.to === "/alerts" && <AlertBadge />}
                </Link>
              </Tooltip>
            </li>
          ))}
        </ul>
        <button
          type="button"
          className={`${css.topButton} ${css.fold}`}
          aria-label={folded ? t("panel.nav.unfold") : t("panel.nav.fold")}
          onClick={() => {
            setFolded(!folded);
          }}
        >
          <Icon name={folded ? "right" : "left"} />
        </button>
      </nav>
      <header className={css.top}>
        <Link to="/" className={css.topBrand} aria-label="Postseal">
          <Mark size={24} />
        </Link>
        <div className={css.org}>{session.data.organization.name}</div>
        <LanguageMenu />
        <ThemeMenu />
        <UserMenu name={session.data.user.name} />
      </header>
      <main className={css.main} id="main" tabIndex={-1} ref={main}>
        <div className={css.column}>
          <div role="status" aria-live="polite">
            {connection === "lost" && (
              <div className={css.lost} data-testid="connection-lost">
                <Icon name="clock" size={14} /> {t("panel.connection_lost")}
              </div>
            )}
          </div>
          <Outlet />
        </div>
      </main>
    </div>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <Empty>
      <p>{t("panel.not_found")}</p>
      <p>
        <Link to="/">{t("panel.nav.domains")}</Link>
      </p>
    </Empty>
  );
}

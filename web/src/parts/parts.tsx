// Small parts that several screens share.
import { Skeleton, Tooltip } from "@mantine/core";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ApiError, type Mode } from "../api/client";
import { useFormats } from "../i18n/format";
import { Icon, type IconName } from "./icons";
import css from "./parts.module.css";
import { toneIcon, type Tone } from "./standing";

/** A text of the catalogue: what stands between backticks is the protocol's own word. */
export function Words({ children }: { children: string }) {
  return children.split("`").map((part, i) =>
    i % 2 === 0 ? (
      part
    ) : (
      <code key={i} lang="en">
        {part}
      </code>
    ),
  );
}
const plain = (text: string) => text.replaceAll("`", "");

export function Chip({ tone, icon, plain, children, testid }: { tone: Tone; icon?: IconName; plain?: boolean; children: ReactNode; testid?: string }) {
  return (
    <span className={`${css.chip} ${css[tone]} ${plain ? css.plain : ""}`} data-testid={testid} data-tone={tone}>
      <Icon name={icon ?? toneIcon[tone]} size={14} />
      <span>{children}</span>
    </span>
  );
}

const modeTone: Record<Mode, Tone> = { enforce: "green", testing: "blue", none: "grey" };

/** The protocol's word, with what it means on hover and focus. */
export function ModeChip({ mode, tone }: { mode: Mode | null; tone?: Tone }) {
  const { t } = useTranslation();
  if (mode === null) return <span aria-label={t("panel.no_mode_yet")}>–</span>;
  return (
    <Tooltip label={t(`words.mode_meaning.${mode}`)}>
      <span>
        <Chip tone={tone ?? modeTone[mode]} icon={toneIcon[modeTone[mode]]} testid="mode">
          <code lang="en">{mode}</code>
        </Chip>
      </span>
    </Tooltip>
  );
}

/** A word of the trade with its one-line explanation. */
export function Hint({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Tooltip label={<Words>{label}</Words>}>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the explanation must be reachable by keyboard */}
      <span className={css.hint} tabIndex={0}>
        {children}
      </span>
    </Tooltip>
  );
}

export function Card({ title, note, actions, children, flush, testid, id }: { title?: string; note?: ReactNode; actions?: ReactNode; children: ReactNode; flush?: boolean; testid?: string; id?: string }) {
  return (
    <section className={css.card} data-testid={testid} id={id} aria-label={title === undefined ? undefined : plain(title)}>
      {title !== undefined && (
        <div className={css.cardHead}>
          <h2>
            <Words>{title}</Words>
          </h2>
          {actions}
        </div>
      )}
      {note !== undefined && <div className={css.cardNote}>{note}</div>}
      <div className={flush ? css.scroll : css.cardBody} style={flush ? { paddingTop: 8 } : undefined}>
        {children}
      </div>
    </section>
  );
}

export interface Column<Row> {
  head: string;
  /** Shown beside the value when the table is a list of cards; the head when absent, "" for none. */
  label?: string;
  right?: boolean;
  cell: (row: Row) => ReactNode;
}

/** A plain table that becomes a list of cards where it is narrow. */
export function Table<Row>({ caption, columns, rows, rowKey, rowProps }: { caption: string; columns: Column<Row>[]; rows: Row[]; rowKey: (row: Row) => string; rowProps?: (row: Row) => Record<string, string | undefined> }) {
  return (
    // The roles are said again because `display: block` takes them away in some browsers.
    <table className={`${css.table} ${css.stack}`} role="table">
      <caption className="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column, i) => (
            <th key={i} scope="col" role="columnheader" className={column.right ? css.right : undefined}>
              {column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={rowKey(row)} role="row" {...rowProps?.(row)}>
            {columns.map((column, i) => (
              <td key={i} role="cell" data-label={column.label ?? column.head} className={column.right ? css.right : undefined}>
                <div>{column.cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Notice({ tone, icon, children, testid, live }: { tone: Tone; icon?: IconName; children: ReactNode; testid?: string; live?: boolean }) {
  return (
    <div className={`${css.notice} ${css[tone]}`} data-testid={testid} role={live ? "alert" : undefined}>
      <Icon name={icon ?? toneIcon[tone]} />
      <div>{children}</div>
    </div>
  );
}

/** Keeps the place of what is being read, in a card without padding of its own. */
export const Loading = ({ height }: { height: number }) => (
  <div className={css.loading} aria-busy="true">
    <Skeleton height={height} />
  </div>
);

export const Empty = ({ children }: { children: ReactNode }) => <div className={css.empty}>{children}</div>;

/** Text to look at or copy; it scrolls, so the keyboard must reach it. */
export const Pre = ({ children, label, testid }: { children: string; label: string; testid?: string }) => (
  // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- see above
  <pre className={css.pre} tabIndex={0} role="group" aria-label={label} data-testid={testid} translate="no">
    {children}
  </pre>
);

/** navigator.clipboard exists only on https and localhost; the old way works everywhere. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function useCopy(): [boolean, (text: string) => void] {
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  return [
    copied,
    (text) => {
      void toClipboard(text).then((done) => {
        setCopied(done);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => {
          setCopied(false);
        }, 1800);
      });
    },
  ];
}

export function CopyIcon({ text, label, testid }: { text: string; label: string; testid?: string }) {
  const { t } = useTranslation();
  const [copied, copy] = useCopy();
  return (
    <Tooltip label={copied ? t("panel.copied") : label}>
      <button
        type="button"
        className={css.iconButton}
        aria-label={label}
        data-copied={copied || undefined}
        data-testid={testid}
        onClick={() => {
          copy(text);
        }}
      >
        <Icon name={copied ? "check" : "copy"} />
      </button>
    </Tooltip>
  );
}

/** "12 s ago", kept true. */
export function Ago({ iso }: { iso: string }) {
  const format = useFormats();
  const [, tick] = useState(0);
  const young = Date.now() - Date.parse(iso) < 120_000;
  useEffect(() => {
    const timer = setInterval(
      () => {
        tick((n) => n + 1);
      },
      young ? 5_000 : 60_000,
    );
    return () => {
      clearInterval(timer);
    };
  }, [young]);
  return (
    <time dateTime={iso} title={format.exact(iso)}>
      {format.ago(iso)}
    </time>
  );
}

export function useErrorText(): (error: Error) => string {
  const { t, i18n } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) return t("problem.internal");
    const field = error.problem.errors?.[0];
    if (field && i18n.exists(`problem.field.${field.code}`)) return t(`problem.field.${field.code}` as "problem.field.invalid-name");
    if (field) return field.message;
    if (i18n.exists(`problem.${error.code}`)) return t(`problem.${error.code}` as "problem.internal");
    return error.message;
  };
}

export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  const { t } = useTranslation();
  const text = useErrorText();
  return (
    <Notice tone="amber" live testid="load-failed">
      <Words>{text(error)}</Words>{" "}
      {retry && (
        <button type="button" onClick={retry} style={{ all: "unset", cursor: "pointer", textDecoration: "underline" }}>
          {t("panel.try_again")}
        </button>
      )}
    </Notice>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Postseal`;
  }, [title]);
}

// Numbers, dates and durations by Intl. English is written the international way (3 Nov), as the texts are.
import { useTranslation } from "react-i18next";

const day_ms = 86_400_000;

function relative(locale: string, then_ms: number, now_ms: number): string {
  const seconds = Math.round((then_ms - now_ms) / 1000);
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ["second", 60],
    ["minute", 60],
    ["hour", 24],
    ["day", 60],
    ["month", Infinity],
  ];
  let value = seconds;
  for (const [unit, size] of steps) {
    if (Math.abs(value) < size) return new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" }).format(value === 0 ? -0 : value, unit); // -0 is "0 sec ago", 0 would be "in 0 sec"
    value = Math.round(unit === "day" ? value / 30.4 : value / size);
  }
  return "";
}

/**
 * Share of sessions without failure, in per cent. Cut, not rounded: 100 % means that none failed.
 */
export function okPercent(ok: number, failed: number): number | null {
  const all = ok + failed;
  return all === 0 ? null : Math.floor((ok / all) * 10_000) / 100;
}

export function daysUntil(iso: string, now_ms = Date.now()): number {
  return Math.floor((Date.parse(iso) - now_ms) / day_ms);
}

export function formats(language: string) {
  const locale = language === "ru" ? "ru-RU" : "en-GB";
  const at = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat(locale, options);
    return (iso: string) => format.format(new Date(iso));
  };
  const thisYear = (iso: string) => new Date(iso).getUTCFullYear() === new Date().getUTCFullYear();
  const longDay = at({ day: "numeric", month: "long" });
  const longDayYear = at({ day: "numeric", month: "long", year: "numeric" });
  const clockRange = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  const dayRange = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
  const dayRangeYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  // Days of reports are UTC days, whatever the reader's zone.
  const utcDay = at({ day: "numeric", month: "short", timeZone: "UTC" });
  return {
    number: (n: number) => new Intl.NumberFormat(locale).format(n),
    percent: (n: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(n) + "\u00a0%",
    list: (items: string[]) => new Intl.ListFormat(locale, { type: "conjunction" }).format(items),
    date: (iso: string) => (thisYear(iso) ? longDay(iso) : longDayYear(iso)),
    dateTime: at({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" }),
    /** From one moment to another: by days, or by the clock within one day. */
    range: (from: string, to: string) => {
      const oneDay = longDayYear(from) === longDayYear(to);
      const format = oneDay ? clockRange : thisYear(from) && thisYear(to) ? dayRange : dayRangeYear;
      return format.formatRange(new Date(from), new Date(to));
    },
    exact: at({ dateStyle: "long", timeStyle: "long" }),
    utcDay,
    ago: (iso: string, now_ms = Date.now()) => relative(locale, Math.min(Date.parse(iso), now_ms), now_ms),
    duration: (seconds: number) => {
      const [value, unit]: [number, string] =
        seconds >= 86_400 ? [seconds / 86_400, "day"] : seconds >= 3600 ? [seconds / 3600, "hour"] : seconds >= 60 ? [seconds / 60, "minute"] : [seconds, "second"];
      return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 }).format(value).replace(" ", "\u00a0");
    },
  };
}
export type Formats = ReturnType<typeof formats>;

export function useFormats(): Formats {
  const { i18n } = useTranslation();
  return formats(i18n.language);
}

// The few signs that the panel uses, drawn on a 16-pixel grid. They stand beside words and are hidden from readers of
// the page's text.
import type { ReactNode } from "react";

const paths = {
  check: <path d="m3.5 8.5 3 3 6-7" />,
  cross: <path d="m4 4 8 8m0-8-8 8" />,
  dots: <path d="M3.5 8h.01M8 8h.01M12.500 8h.01" strokeWidth="2.4" />,
  clock: <path d="M8 4.500V8l2.500 1.500M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  alert: <path d="M8 6v3m0 2.200h.01M7.100 2.600 1.700 12a1 1 0 0 0 .9 1.500h10.800a1 1 0 0 0 .9-1.500L8.900 2.600a1 1 0 0 0-1.800 0Z" />,
  stop: <path d="M5.500 2h5L14 5.500v5L10.500 14h-5L2 10.500v-5L5.500 2ZM8 5v3.500m0 2.200h.01" />,
  shield: <path d="M8 1.800 13 3.500v4.200c0 3-2 5.200-5 6.500-3-1.300-5-3.500-5-6.500V3.500L8 1.800Zm-2.200 6 1.600 1.600 3-3.200" />,
  flask: <path d="M6 2h4M6.700 2v4L3.400 12a1.400 1.400 0 0 0 1.200 2h6.800a1.400 1.400 0 0 0 1.200-2L9.300 6V2M5 10h6" />,
  off: <path d="M8 14A6 6 0 1 1 8 2a6 6 0 0 1 0 12ZM5 8h6" />,
  eye: <path d="M1.500 8S4 3.500 8 3.500 14.500 8 14.500 8 12 12.500 8 12.500 1.500 8 1.500 8ZM8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z" />,
  copy: <path d="M5.500 5.500h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1ZM10.500 5.500v-3a1 1 0 0 0-1-1h-7a1 1 0 0 0-1 1v7a1 1 0 0 0 1 1h2" />,
  download: <path d="M8 2v8m0 0L5 7m3 3 3-3M2.500 13.500h11" />,
  sun: <path d="M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.500m0 11V15m7-7h-1.500M2.500 8H1m12-5-1 1M4 12l-1 1m10 0-1-1M4 4 3 3" />,
  moon: <path d="M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7Z" />,
  screen: <path d="M2.500 3h11a.5.5 0 0 1 .5.5v7a.5.5 0 0 1-.5.5h-11a.5.5 0 0 1-.5-.5v-7a.5.5 0 0 1 .5-.5ZM6 14h4m-2-3v3" />,
  globe: <path d="M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM2 8h12M8 2c2 1.800 2.500 4 2.500 6S10 12.200 8 14c-2-1.800-2.500-4-2.500-6S6 3.800 8 2Z" />,
  down: <path d="m4 6 4 4 4-4" />,
  right: <path d="m6 4 4 4-4 4" />,
  left: <path d="m10 4-4 4 4 4" />,
  up: <path d="m4 10 4-4 4 4" />,
  search: <path d="M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.600-1.400L14 14" />,
  plus: <path d="M8 3v10M3 8h10" />,
  refresh: <path d="M13.500 8a5.500 5.500 0 1 1-1.600-3.900M13.500 1.800v3h-3" />,
  server: <path d="M2.500 2.500h11v4.500h-11zM2.500 9h11v4.500h-11zM5 4.750h.01M5 11.250h.01" />,
  send: <path d="M14 2 7 9m7-7-4.500 12L7 9 2 6.500 14 2Z" />,
  bell: <path d="M8 2a4 4 0 0 1 4 4v3l1.500 2.500h-11L4 9V6a4 4 0 0 1 4-4ZM6.500 13.800a1.600 1.600 0 0 0 3 0" />,
  book: <path d="M3 2.500h8.500A1.500 1.500 0 0 1 13 4v9.500H4.500A1.500 1.500 0 0 1 3 12V2.500ZM3 12a1.500 1.500 0 0 1 1.500-1.500H13M6 5.500h4" />,
  leave: <path d="M6.500 13.500h-3a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1h3M10.500 11l3-3-3-3m3 3h-7" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" style={{ flex: "none" }}>
      {paths[name]}
    </svg>
  );
}

/** The mark: a seal with an envelope's flap. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" style={{ flex: "none" }}>
      <path fill="var(--ink)" d="m16 .8 3.500 2.500 4.300-.3 1.800 3.900 3.900 1.800-.3 4.300 2.500 3.500-2.500 3.500.3 4.300-3.900 1.800-1.800 3.900-4.300-.3-3.500 2.500-3.500-2.500-4.300.3-1.800-3.900-3.900-1.800.3-4.300L.3 16.500l2.500-3.500-.3-4.300 3.900-1.800L8.200 3l4.300.3z" />
      <path fill="none" stroke="var(--ink-text)" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" d="M8.500 11.800h15v9.600h-15zM9 12.300l7 5.400 7-5.400" />
    </svg>
  );
}

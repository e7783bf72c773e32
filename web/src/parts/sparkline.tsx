// Seven bars: height is traffic, red is the failed share. A day without a report is a gap, not a zero.
import type { Domain } from "../api/client";

const width = 74;
const height = 20;
const step = width / 7;

export function Sparkline({ week, label }: { week: Domain["week"]; label: string }) {
  const most = Math.max(1, ...week.days.map((d) => (d.ok ?? 0) + (d.failed ?? 0)));
  return (
    <svg width={width} height={height} role="img" aria-label={label} style={{ display: "block", flex: "none" }}>
      {week.days.map((day, i) => {
        const x = i * step + 1;
        const w = step - 3;
        if (day.ok === null || day.failed === null) return <rect key={day.day} x={x} y={height - 1.5} width={w} height={1.5} fill="var(--line-strong)" />;
        const all = day.ok + day.failed;
        const h = Math.max(2, (all / most) * height);
        // One failed session among thousands must still be seen.
        const bad = day.failed === 0 ? 0 : Math.max(2, (day.failed / Math.max(1, all)) * h);
        return (
          <g key={day.day}>
            <rect x={x} y={height - h} width={w} height={h} rx={1} fill="var(--grey-solid)" />
            {bad > 0 && <rect x={x} y={height - h} width={w} height={bad} rx={1} fill="var(--red-solid)" />}
          </g>
        );
      })}
    </svg>
  );
}

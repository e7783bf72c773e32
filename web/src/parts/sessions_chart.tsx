// Sessions per day under one policy type: above all sessions, below the failed ones on a scale of their own, because
// three failures among fourteen thousand must be seen. A day without a report is a gap. Loaded only when shown.
import { useComputedColorScheme } from "@mantine/core";
import { BarChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use as register, type ComposeOption } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { BarSeriesOption } from "echarts/charts";
import type { GridComponentOption, TooltipComponentOption } from "echarts/components";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { ReportSummary } from "../api/client";
import { useFormats } from "../i18n/format";
import { marks_of } from "./chart_marks";

register([BarChart, GridComponent, TooltipComponent, MarkLineComponent, SVGRenderer]);
type Option = ComposeOption<BarSeriesOption | GridComponentOption | TooltipComponentOption>;

const height = 252;

export interface ChartProps {
  days: ReportSummary["by_policy_type"][number]["days"];
  events: ReportSummary["events"];
  /** Failures in testing were delivered all the same, so they are not red. */
  failed_tone: "red" | "amber";
  label: string;
}

export default function SessionsChart({ days, events, failed_tone, label }: ChartProps) {
  const { t } = useTranslation();
  const format = useFormats();
  const scheme = useComputedColorScheme();
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const css = getComputedStyle(document.documentElement);
    const colour = (name: string) => css.getPropertyValue(`--${name}`).trim();
    const text = { color: colour("dim"), fontSize: 13, fontFamily: getComputedStyle(document.body).fontFamily };
    const x = days.map((d) => d.day);
    const failedMost = Math.max(...days.map((d) => d.failed ?? 0));
    const axis = {
      type: "category" as const,
      data: x,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colour("line-strong") } },
    };
    const marks = marks_of(events, x, (kind) => t(`panel.sessions.event.${kind}`));
    const option: Option = {
      animation: false,
      grid: [
        { left: 56, right: 12, top: 42, height: 104 },
        { left: 56, right: 12, top: 180, height: 42 },
      ],
      xAxis: [
        { ...axis, gridIndex: 0, axisLabel: { show: false } },
        { ...axis, gridIndex: 1, axisLabel: { ...text, hideOverlap: true, formatter: (day: string) => format.utcDay(day) } },
      ],
      yAxis: [
        { gridIndex: 0, splitNumber: 2, axisLabel: { ...text, formatter: (n: number) => format.number(n) }, splitLine: { lineStyle: { color: colour("line") } } },
        { gridIndex: 1, splitNumber: 1, minInterval: 1, max: Math.max(1, failedMost), axisLabel: { ...text, showMinLabel: false, formatter: (n: number) => format.number(n) }, splitLine: { show: false } },
      ],
      tooltip: {
        trigger: "axis",
        axisPointer: { type: "shadow", shadowStyle: { color: colour("line"), opacity: 0.35 } },
        backgroundColor: colour("surface"),
        borderColor: colour("line-strong"),
        textStyle: { ...text, color: colour("text") },
        renderMode: "richText",
        formatter: (params) => {
          const index = Array.isArray(params) ? params[0]?.dataIndex : params.dataIndex;
          const day = index === undefined ? undefined : days[index];
          if (!day) return "";
          if (day.ok === null || day.failed === null) return `${format.utcDay(day.day)}\n${t("panel.sessions.no_report")}`;
          return `${format.utcDay(day.day)}\n${t("panel.sessions.ok")}: ${format.number(day.ok)}\n${t("panel.sessions.failed")}: ${format.number(day.failed)}`;
        },
      },
      axisPointer: { link: [{ xAxisIndex: [0, 1] }] },
      series: [
        { type: "bar", stack: "all", xAxisIndex: 0, yAxisIndex: 0, barMaxWidth: 26, barCategoryGap: "28%", itemStyle: { color: colour("grey-solid"), opacity: 0.75 }, data: days.map((d) => d.ok) },
        {
          type: "bar",
          stack: "all",
          xAxisIndex: 0,
          yAxisIndex: 0,
          itemStyle: { color: colour(`${failed_tone}-solid`) },
          data: days.map((d) => d.failed),
          markLine: {
            symbol: "none",
            silent: true,
            animation: false,
            lineStyle: { color: colour("faint"), type: "dotted", width: 1.5 },
            label: { ...text, position: "end", formatter: (mark) => mark.name },
            data: marks.map(({ day, word }) => ({ xAxis: day, name: word })),
          },
        },
        { type: "bar", xAxisIndex: 1, yAxisIndex: 1, barMaxWidth: 26, barCategoryGap: "28%", barMinHeight: 2, itemStyle: { color: colour(`${failed_tone}-solid`) }, data: days.map((d) => (d.failed === 0 ? null : d.failed)) },
      ],
    };
    const chart = init(element, null, { renderer: "svg" });
    chart.setOption(option);
    const watch = new ResizeObserver(() => {
      chart.resize();
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `format` and `t` change with the language, which `label` follows
  }, [days, events, failed_tone, scheme, label]);

  return (
    <div style={{ position: "relative" }}>
      <div ref={box} role="img" aria-label={label} style={{ height }} data-testid="sessions-chart" />
      <span aria-hidden="true" style={{ position: "absolute", left: 0, top: 0, fontSize: 13, color: "var(--dim)" }}>
        {t("panel.sessions.all")}
      </span>
      <span aria-hidden="true" style={{ position: "absolute", left: 0, top: 154, fontSize: 13, color: `var(--${failed_tone})` }}>
        {t("panel.sessions.failed")}
      </span>
    </div>
  );
}

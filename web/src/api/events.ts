// Server-sent events make what is on the screen stale; the screens then read again. Events carry no history, so a
// reconnect makes everything stale.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

const burst_ms = 200;

export type Connection = "live" | "lost";

export function useEvents(on: boolean): Connection {
  const client = useQueryClient();
  const [connection, setConnection] = useState<Connection>("live");
  useEffect(() => {
    if (!on) return;
    const source = new EventSource("/api/v1/events");
    let lost = false;
    // A short break, as at a restart, is not worth a word: only one longer than this is said.
    let timer: ReturnType<typeof setTimeout> | undefined;

    const domainOf = (event: MessageEvent<string>): string => {
      const data: unknown = JSON.parse(event.data);
      return typeof data === "object" && data !== null && "domain" in data ? String(data.domain) : "";
    };
    // Events come in bursts (a domain that moves in, a fleet that is looked at): what they make stale is read once.
    const waiting = new Map<string, string[]>();
    let flush: ReturnType<typeof setTimeout> | undefined;
    const stale = (...queryKey: string[]) => {
      waiting.set(queryKey.join(" "), queryKey);
      flush ??= setTimeout(() => {
        flush = undefined;
        for (const key of waiting.values()) void client.invalidateQueries({ queryKey: key });
        waiting.clear();
      }, burst_ms);
    };

    source.addEventListener("hello", () => {
      clearTimeout(timer);
      setConnection("live");
      if (lost) void client.invalidateQueries();
      lost = false;
    });
    for (const kind of ["domain-added", "domain-changed", "domain-gone"]) {
      source.addEventListener(kind, (event: MessageEvent<string>) => {
        stale("domains");
        stale("domain", domainOf(event));
      });
    }
    source.addEventListener("reports-changed", (event: MessageEvent<string>) => {
      const domain = domainOf(event);
      stale("reports", domain);
      stale("domain", domain);
      stale("domains");
    });
    source.addEventListener("alerts-changed", () => {
      stale("alerts");
    });
    source.onerror = () => {
      lost = true;
      clearTimeout(timer);
      timer = setTimeout(() => {
        setConnection("lost");
      }, 4000);
    };
    return () => {
      clearTimeout(timer);
      clearTimeout(flush);
      source.close();
    };
  }, [client, on]);
  return connection;
}

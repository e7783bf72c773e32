import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { mockServer } from "./dev/mock_server";

export default defineConfig(({ mode }) => ({
  plugins: [react(), mode === "mock" ? mockServer() : null],
  server: { port: 5173, fs: { allow: [".."] }, proxy: mode === "mock" ? undefined : { "/api": "http://127.0.0.1:8080", "/sign-in": "http://127.0.0.1:8080" } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy knows no data: URIs
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  css: { modules: { localsConvention: "camelCaseOnly" } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], css: false },
}));

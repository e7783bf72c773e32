// Mantine, told our colours: everything neutral comes from tokens.css, so that colour is left for meaning.
import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

const ink: MantineColorsTuple = ["#f6f6f4", "#eeece8", "#e4e2dd", "#cfccc5", "#9a948a", "#7d786f", "#6b665e", "#55514a", "#3a3732", "#1f1d1a"];

export const theme = createTheme({
  primaryColor: "ink",
  colors: { ink },
  primaryShade: { light: 9, dark: 1 },
  fontFamily: "var(--font)",
  fontFamilyMonospace: "var(--mono)",
  defaultRadius: 7,
  focusRing: "never", // ours, in tokens.css
  respectReducedMotion: true,
  fontSizes: { xs: "13px", sm: "14px", md: "16px", lg: "20px", xl: "28px" },
  components: {
    Button: {
      defaultProps: { size: "sm" },
      vars: (_theme: unknown, props: { variant?: string; color?: string }) => {
        if (props.variant !== undefined && props.variant !== "filled") return { root: {} };
        if (props.color === "red") return { root: { "--button-bg": "var(--red-solid)", "--button-hover": "var(--red)", "--button-color": "#fff" } };
        return { root: { "--button-bg": "var(--ink)", "--button-hover": "var(--ink-hover)", "--button-color": "var(--ink-text)" } };
      },
    },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 250, multiline: true, maw: 320, events: { hover: true, focus: true, touch: true } } },
    // Its <header> would count as a second banner of the page.
    DrawerHeader: { defaultProps: { role: "presentation" } },
    Drawer: { defaultProps: { position: "right", size: 560, overlayProps: { backgroundOpacity: 0.35 } } },
    Skeleton: { defaultProps: { radius: 6 } },
  },
});

export const variables: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--surface)",
    "--mantine-color-text": "var(--text)",
    "--mantine-color-dimmed": "var(--dim)",
    "--mantine-color-placeholder": "var(--faint)",
    "--mantine-color-default": "var(--surface)",
    "--mantine-color-default-hover": "var(--hover)",
    "--mantine-color-default-color": "var(--text)",
    "--mantine-color-default-border": "var(--line-strong)",
    "--mantine-color-error": "var(--red)",
    "--mantine-primary-color-filled": "var(--ink)",
    "--mantine-primary-color-filled-hover": "var(--ink-hover)",
    "--mantine-primary-color-contrast": "var(--ink-text)",
  };
  return { variables: {}, light: shared, dark: shared };
};

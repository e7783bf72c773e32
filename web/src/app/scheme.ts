// Where the choice of light, dark or the system's is kept: the key that public/theme.js reads before the first paint.
import { localStorageColorSchemeManager } from "@mantine/core";

export const themeManager = localStorageColorSchemeManager({ key: "postseal.theme" });

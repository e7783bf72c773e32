// The two languages. The catalogues lie in /messages and are shared with the command line and the mails; each is a
// chunk of its own, so that only one is loaded.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

export const languages = ["en", "ru"] as const;
export type Language = (typeof languages)[number];
const storage_key = "postseal.language";

const catalogue = {
  en: () => import("../../../messages/en.json"),
  ru: () => import("../../../messages/ru.json"),
};

const isLanguage = (word: string | null | undefined): word is Language => languages.some((l) => l === word);

function stored(): string | null {
  try {
    return localStorage.getItem(storage_key);
  } catch {
    return null; // storage forbidden: the choice then lasts as long as the page
  }
}

function preferred(): Language {
  const chosen = stored();
  if (isLanguage(chosen)) return chosen;
  return navigator.languages.map((l) => l.slice(0, 2)).find(isLanguage) ?? "en";
}

async function load(language: Language): Promise<void> {
  if (i18next.hasResourceBundle(language, "translation")) return;
  const file = await catalogue[language]();
  i18next.addResourceBundle(language, "translation", file.default);
}

export async function startLanguages(): Promise<void> {
  const language = preferred();
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    partialBundledLanguages: true,
    resources: {},
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  });
  await speak(language);
}

export async function speak(language: Language, remember = false): Promise<void> {
  await load(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  if (!remember) return;
  try {
    localStorage.setItem(storage_key, language);
  } catch {
    // as in stored()
  }
}

/** The user's language on the server counts only where this browser has no choice of its own. */
export async function speakAs(session_language: string | null): Promise<void> {
  if (stored() === null && isLanguage(session_language)) await speak(session_language);
}

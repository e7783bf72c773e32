// What to know about a DNS provider before the records are entered there.
import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Words } from "./parts";

/** In the order in which people look for theirs; names are the providers' own and the same in every language. */
const providers = {
  cloudflare: "Cloudflare",
  yandex: "Yandex Cloud DNS",
  regru: "REG.RU",
  beget: "Beget",
  route53: "Amazon Route 53",
  azure: "Azure DNS",
  google: "Google Cloud DNS",
  hetzner: "Hetzner DNS",
  ovh: "OVHcloud",
  godaddy: "GoDaddy",
  namecheap: "Namecheap",
  selectel: "Selectel",
} as const;
type Provider = keyof typeof providers;

export function ProviderNotes() {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<Provider | "">("");
  return (
    <div data-testid="providers">
      <NativeSelect
        label={t("panel.providers.title")}
        value={chosen}
        onChange={(event) => {
          setChosen(event.currentTarget.value as Provider | "");
        }}
        data={[{ value: "", label: t("panel.providers.choose") }, ...Object.entries(providers).map(([value, label]) => ({ value, label }))]}
        data-testid="provider"
      />
      {chosen !== "" && (
        <p data-testid="provider-note">
          <Words>{t(`panel.providers.note.${chosen}`)}</Words>
        </p>
      )}
    </div>
  );
}

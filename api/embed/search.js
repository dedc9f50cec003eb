// <vivier-search session="/recherche" label="Trouver un fournisseur"></vivier-search>
// `session`: an address of the portal, which answers a POST with what `POST /embed/searches` answered its server.
// `label`: the name of the frame for screen readers. Once the search has ended, another one is asked for.
customElements.define("vivier-search", class extends HTMLElement {
  connectedCallback() {
    this.frame = document.createElement("iframe");
    this.frame.title = this.getAttribute("label") || "Trouver un fournisseur";
    this.frame.style.cssText = "width: 100%; height: 30rem; border: 0";
    this.frame.referrerPolicy = "no-referrer";
    this.replaceChildren(this.frame);
    this.listener = (event) => this.heed(event);
    addEventListener("message", this.listener);
    this.open("");
  }
  disconnectedCallback() {
    removeEventListener("message", this.listener);
  }
  async open(query) {
    this.openedAt = Date.now();
    try {
      const answer = await fetch(this.getAttribute("session"), { method: "POST" });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const { url } = await answer.json();
      this.origin = new URL(url).origin;
      this.frame.src = url + query;
    } catch (failure) {
      this.dispatchEvent(new CustomEvent("vivier-failure", { bubbles: true, detail: failure }));
    }
  }
  heed(event) {
    if (event.source !== this.frame.contentWindow || event.origin !== this.origin) return;
    if (event.data.ended && Date.now() - this.openedAt > 60000) this.open(event.data.query);
    else this.frame.style.height = `${Math.min(Number(event.data.height) || 480, 20000)}px`;
  }
});

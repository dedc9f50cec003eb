// What was typed into the form of a need is stored now: this tab need not offer it again.
sessionStorage.removeItem("vivier-besoin");

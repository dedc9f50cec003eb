// The documentation page asks nothing of any other host: no validator, no fonts, no example server.
window.addEventListener("load", () => {
  window.ui = SwaggerUIBundle({
    ...(window.openapi ? { spec: window.openapi } : { url: "openapi.json" }),
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    persistAuthorization: false,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});

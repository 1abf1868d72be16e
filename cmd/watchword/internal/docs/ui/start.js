"use strict";

// Starts Swagger UI over the documents that the page names. Nothing is kept
// after the page is left, and no address of a document is taken from the
// page's own address: a link must not show another's API under this name.
const root = document.getElementById("swagger-ui");

// The name in the place of a logo, which brings a style of its own inline.
const named = ({ React }) => ({
  components: { Logo: () => React.createElement("span", { className: "brand" }, "Watchword") },
});

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  urls: JSON.parse(root.dataset.documents),
  "urls.primaryName": root.dataset.first,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  plugins: [named],
  layout: "StandaloneLayout",
  deepLinking: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
});

// The map of each lot on the answer page as a map to zoom: outlines and signs of the drawing, whose positions on the sheet
// are turned back into latitudes and longitudes; under them lie the tiles of a server, where one is set. A supplier leads to
// its row, and a row to its supplier.
"use strict";
(() => {
  const EQUATOR_KM = 6378.137, ECCENTRICITY2 = 0.0066943799901413;
  const TENTHS = 10;
  const french = document.documentElement.lang === "fr";
  const maps = new Map();

  // Latitude and longitude of a position on the sheet, whose frame is [lat, lon, west, north, units per km].
  const placer = ([lat, lon, west, north, perKm]) => {
    const [phi, lam] = [lat, lon].map((degrees) => (degrees * Math.PI) / 180);
    const [sinPhi, cosPhi, sinLam, cosLam] = [Math.sin(phi), Math.cos(phi), Math.sin(lam), Math.cos(lam)];
    const curvature = 1 - ECCENTRICITY2 * sinPhi ** 2;
    const normal = EQUATOR_KM / Math.sqrt(curvature);
    const radius = (EQUATOR_KM * Math.sqrt(1 - ECCENTRICITY2)) / curvature;
    const centre = [normal * cosPhi * cosLam, normal * cosPhi * sinLam, normal * (1 - ECCENTRICITY2) * sinPhi];
    const east = [-sinLam, cosLam, 0], north3 = [-sinPhi * cosLam, -sinPhi * sinLam, cosPhi];
    const up = [cosPhi * cosLam, cosPhi * sinLam, sinPhi];
    return (x, y) => {
      const e = x / perKm + west, n = north - y / perKm;
      const arc = Math.hypot(e, n) / radius;
      const along = arc ? Math.sin(arc) / arc : 1, down = radius * (1 - Math.cos(arc));
      const [px, py, pz] = centre.map((at, i) => at + along * (e * east[i] + n * north3[i]) - down * up[i]);
      const back = [Math.atan2(pz / (1 - ECCENTRICITY2), Math.hypot(px, py)), Math.atan2(py, px)];
      return back.map((radians) => (radians * 180) / Math.PI);
    };
  };

  // The rings of a path: a start, then steps, in tenths of a unit.
  const ringsOf = (path, place) =>
    path.getAttribute("d").split("M").slice(1).map((ring) => {
      const [start, steps] = ring.replace("z", "").split("l").map((part) => part.trim().split(" ").map(Number));
      let [x, y] = start;
      const corners = [place(x / TENTHS, y / TENTHS)];
      for (let i = 0; i < steps.length; i += 2) {
        x += steps[i];
        y += steps[i + 1];
        corners.push(place(x / TENTHS, y / TENTHS));
      }
      return corners;
    });

  const styleOf = (path, width) => ({
    color: path.getAttribute("stroke"),
    weight: width,
    fill: path.getAttribute("fill") !== "none",
    fillColor: path.getAttribute("fill"),
    fillOpacity: Number(path.getAttribute("fill-opacity") || 1),
    dashArray: path.hasAttribute("stroke-dasharray") ? "9 6" : null,
    interactive: false,
  });

  // A sign of the drawing as a marker of the same size at every zoom.
  const markerOf = (sign, x, y, at, title = "") => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `${x - 17} ${y - 17} 34 34`);
    svg.setAttribute("aria-hidden", "true");
    svg.append(...sign.map((part) => part.cloneNode(true)));
    const icon = L.divIcon({ className: "sign", html: svg, iconSize: [24, 24] });
    return L.marker(at, { icon, title, keyboard: false });
  };

  const show = (row) => {
    for (const other of document.querySelectorAll(".shown")) other.classList.remove("shown");
    row.classList.add("shown");
    if (row.closest("details")) row.closest("details").open = true;
    row.scrollIntoView({ block: "nearest" });
    row.focus({ preventScroll: true });
  };

  const addSuppliers = (map, svg, place, bounds) => {
    const markers = new Map();
    for (const link of svg.querySelectorAll("a[data-at]")) {
      const [x, y] = link.dataset.at.split(" ").map(Number);
      const sign = [...link.children].filter((part) => part.tagName !== "title");
      const marker = markerOf(sign, x, y, place(x, y), link.querySelector("title").textContent).addTo(map);
      const row = document.getElementById(link.getAttribute("href").slice(1));
      if (!row) continue;
      marker.on("click", () => show(row));
      markers.set(row.id, marker);
      bounds.extend(marker.getLatLng());
    }
    return markers;
  };

  const addSeekers = (figure, map, markers) => {
    const told = L.tooltip();
    for (const [id, marker] of markers) {
      const name = document.getElementById(id).querySelector(".supplier");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain seek";
      button.textContent = french ? "carte" : "map";
      button.setAttribute("aria-label", `${french ? "Voir sur la carte" : "Show on the map"} : ${name.textContent} (${button.textContent})`);
      button.addEventListener("click", () => {
        figure.scrollIntoView({ block: "nearest" });
        map.setView(marker.getLatLng(), Math.max(map.getZoom(), 10));
        told.setLatLng(marker.getLatLng()).setContent(Object.assign(document.createElement("span"), { textContent: name.textContent }));
        told.addTo(map);
        map.getContainer().focus({ preventScroll: true });
      });
      (name.nextElementSibling || name.parentElement).append(button);
    }
  };

  const enliven = (figure) => {
    const svg = figure.querySelector(".drawing svg[data-frame]");
    if (!svg || figure.classList.contains("live")) return;
    const place = placer(svg.dataset.frame.split(" ").map(Number));
    const { width, height } = svg.viewBox.baseVal;
    const box = document.createElement("div");
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", figure.dataset.name);
    figure.prepend(box);
    figure.classList.add("live");
    const map = L.map(box, { attributionControl: false, zoomControl: false, zoomSnap: 0.25, minZoom: 4, maxZoom: 16, scrollWheelZoom: false });
    L.control.zoom({ zoomInTitle: figure.dataset.nearer, zoomOutTitle: figure.dataset.farther }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    const { tiles, credit } = figure.dataset;
    if (tiles) {
      L.tileLayer(tiles, { maxZoom: 18 }).addTo(map);
      const words = document.createElement("span");
      words.textContent = credit;
      L.control.attribution({ prefix: false }).addAttribution(words.innerHTML).addTo(map);
    }
    const context = svg.querySelector("path.context");
    if (context && !tiles) L.polygon(ringsOf(context, place).map((ring) => [ring]), styleOf(context, 1)).addTo(map);
    const bounds = L.latLngBounds([place(width / 2, height / 2)]);
    for (const name of ["territory", "reach"]) {
      const path = svg.querySelector(`path.${name}`);
      if (!path) continue;
      const layer = L.polygon(ringsOf(path, place), { ...styleOf(path, 2), fillRule: "evenodd" }).addTo(map);
      if (name === "territory") bounds.extend(layer.getBounds());
    }
    const markers = addSuppliers(map, svg, place, bounds);
    for (const star of svg.querySelectorAll("polygon.site")) {
      const [x, y] = star.dataset.at.split(" ").map(Number);
      markerOf([star], x, y, place(x, y)).addTo(map);
    }
    for (const town of tiles ? [] : svg.querySelectorAll("g.town")) {
      const [x, y] = town.dataset.at.split(" ").map(Number);
      const name = document.createElement("span");
      const text = town.querySelector("text");
      name.textContent = text.textContent;
      name.className = text.getAttribute("text-anchor");
      L.marker(place(x, y), { icon: L.divIcon({ className: "town", html: name, iconSize: [0, 0] }), interactive: false, keyboard: false, zIndexOffset: -1000 }).addTo(map);
    }
    map.fitBounds(bounds, { padding: [12, 12] });
    map.getPane("overlayPane").setAttribute("aria-hidden", "true");
    addSeekers(figure, map, markers);
    maps.set(figure.dataset.lot, map);
  };

  const near = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      enliven(target);
    }
  }, { rootMargin: "400px" });
  const watch = () => document.querySelectorAll("figure.map:not(.live)").forEach((figure) => near.observe(figure));
  watch();
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    const figure = event.detail.target.querySelector && event.detail.target.querySelector("figure.map");
    const map = figure && maps.get(figure.dataset.lot);
    if (map && event.detail.shouldSwap) {
      map.remove();
      maps.delete(figure.dataset.lot);
    }
  });
  document.body.addEventListener("htmx:afterSettle", watch);
})();

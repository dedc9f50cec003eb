/* A map on which the territory of a need is chosen: outlines by click, a circle by its centre, an area by its corners.
   It only ticks and fills in fields of the form, which the server reads; the form does all of it without the map. */
"use strict";
(function () {
  const box = document.getElementById("carte");
  const form = document.getElementById("formulaire");
  const choices = document.getElementById("lieux");
  const radius = document.getElementById("rayon");
  const place = box.querySelector("[data-map]");
  const help = box.querySelector(".map-help");
  const close = box.querySelector("[data-do=fermer]");
  const restart = box.querySelector("[data-do=vider]");
  const DETAIL_ZOOM = 8;
  const MOST_CORNERS = 200;
  const LINE = { color: "#4a4a4a", weight: 1, fillColor: "#0b4f8a", fillOpacity: 0.02 };
  const CHOSEN = { color: "#0b4f8a", weight: 3, fillColor: "#0b4f8a", fillOpacity: 0.25, interactive: false };
  box.hidden = false;

  const fetched = new Map();
  function outlines(code, kind) {
    const path = `${box.dataset.outlines}/${code}/${kind}`;
    if (!fetched.has(path)) {
      const answer = fetch(path, { credentials: "same-origin" }).then((found) => {
        if (!found.ok) throw new Error(found.status);
        return found.json();
      });
      answer.catch(() => { fetched.delete(path); help.textContent = help.dataset.failed; });
      fetched.set(path, answer);
    }
    return fetched.get(path);
  }

  const tool = () => box.querySelector("[name=outil]:checked").value;
  const ticked = (name) => [...choices.querySelectorAll(`[name=${name}]:checked`)];

  function tick(name, value) {
    const field = document.createElement("input");
    Object.assign(field, { type: "checkbox", name, value, checked: true, hidden: true });
    choices.append(field);
  }

  function untick(...names) {
    for (const name of names) for (const field of ticked(name)) field.checked = false;
  }

  function changed() {
    document.getElementById("lieu").value = "";
    choices.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function choose(code) {
    const chosen = ticked("territoire").find((field) => field.value === code);
    untick("trace", "centre");
    if (chosen) chosen.checked = false;
    else {
      if (radius.value) untick("territoire");
      if (radius.value && !code.startsWith("commune:")) radius.value = "";
      tick("territoire", code);
    }
    changed();
  }

  function open() {
    const L = window.L;
    const map = L.map(place, { attributionControl: false, zoomControl: false, zoomSnap: 0.5, minZoom: 3 });
    const { zoomIn, zoomOut } = place.dataset;
    L.control.zoom({ zoomInTitle: zoomIn, zoomOutTitle: zoomOut }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    if (box.dataset.tiles) {
      L.tileLayer(box.dataset.tiles, { maxZoom: 18 }).addTo(map);
      const credit = document.createElement("span");
      credit.textContent = box.dataset.credit;
      L.control.attribution({ prefix: false }).addAttribution(credit.innerHTML).addTo(map);
    }
    map.fitBounds([[41.3, -5.2], [51.1, 9.6]]);

    const base = L.layerGroup().addTo(map);
    const detail = L.layerGroup().addTo(map);
    const shown = L.layerGroup().addTo(map);
    const drawing = L.layerGroup().addTo(map);
    const names = L.layerGroup().addTo(map);
    let departements = null;
    let corners = [];

    function layer(found, isClicked) {
      return L.geoJSON(found, {
        style: LINE,
        interactive: isClicked,
        onEachFeature: (feature, each) => {
          if (!isClicked) return;
          each.on("add", () => {
            const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
            name.textContent = feature.properties.name;
            each.getElement().append(name);
          });
          each.on("click", () => choose(feature.id));
          each.on("mouseover", () => each.setStyle({ weight: 3, fillOpacity: 0.15 }));
          each.on("mouseout", () => each.setStyle(LINE));
        },
      });
    }

    let asked = 0;
    async function showOutlines() {
      const turn = ++asked;
      const kind = tool();
      help.textContent = help.dataset[kind] || "";
      const whole = await outlines("country:FR", "departement");
      if (turn !== asked) return;
      base.clearLayers();
      departements = layer(whole, kind === "departement");
      base.addLayer(departements);
      detail.clearLayers();
      if (kind !== "epci" && kind !== "commune") return;
      if (map.getZoom() < DETAIL_ZOOM) { help.textContent = help.dataset.zoom; return; }
      help.textContent = help.dataset.loading;
      const seen = [];
      departements.eachLayer((each) => {
        if (each.getBounds().intersects(map.getBounds())) seen.push(each.feature.id);
      });
      const parts = await Promise.all(seen.map((code) => outlines(code, kind)));
      if (turn !== asked) return;
      help.textContent = "";
      base.clearLayers();
      // an EPCI of two departements comes with both
      const once = new Map(parts.flatMap((part) => part.features).map((feature) => [feature.id, feature]));
      detail.addLayer(layer({ type: "FeatureCollection", features: [...once.values()] }, true));
    }

    /* The largest towns of what is seen, none so near another that their names would touch. */
    async function showTowns() {
      if (box.dataset.tiles) return;
      const towns = await outlines("country:FR", "villes");
      names.clearLayers();
      const seen = map.getBounds();
      const spots = [];
      for (const { geometry, properties } of towns.features) {
        const at = L.latLng(geometry.coordinates[1], geometry.coordinates[0]);
        if (spots.length >= 12 || !seen.contains(at)) continue;
        const spot = map.latLngToContainerPoint(at);
        if (spots.some((other) => Math.abs(other.y - spot.y) < 24 && Math.abs(other.x - spot.x) < 120)) continue;
        spots.push(spot);
        const town = L.circleMarker(at, { radius: 2, color: "#1a1a1a", fillOpacity: 1, interactive: false });
        names.addLayer(town.bindTooltip(properties.name, { permanent: true, direction: "right", className: "town-name" }));
      }
    }

    async function showChosen(isFirst) {
      const codes = ticked("territoire").map((field) => field.value);
      const found = await Promise.all(codes.map((code) => outlines(code, "contour")));
      shown.clearLayers();
      const layers = found.map((each) => L.geoJSON(each, { style: CHOSEN, interactive: false }));
      const km = Number(radius.value.replace(",", "."));
      const [point] = ticked("centre").map((field) => field.value.split(",").map(Number));
      const around = point || (codes.length === 1 && codes[0].startsWith("commune:") && layers[0].getBounds().getCenter());
      if (around && km > 0) layers.push(L.circle(around, { ...CHOSEN, radius: km * 1000 }));
      if (point) layers.push(L.circleMarker(point, { ...CHOSEN, radius: 5, fillOpacity: 1 }));
      for (const field of ticked("trace")) {
        layers.push(L.geoJSON({ type: "Feature", geometry: JSON.parse(field.value) }, { style: CHOSEN, interactive: false }));
      }
      for (const each of layers) shown.addLayer(each);
      const bounds = L.latLngBounds([]);
      for (const each of layers) bounds.extend(each.getBounds ? each.getBounds() : each.getLatLng());
      if (isFirst && bounds.isValid()) map.fitBounds(bounds.pad(0.3), { maxZoom: 11, animate: false });
    }

    function draw() {
      drawing.clearLayers();
      if (corners.length) {
        drawing.addLayer(L.polyline(corners, { color: "#9c1010", weight: 3, dashArray: "6 4" }));
        for (const corner of corners) drawing.addLayer(L.circleMarker(corner, { radius: 4, color: "#9c1010", interactive: false }));
      }
      close.hidden = corners.length < 3;
      restart.hidden = corners.length === 0;
    }

    close.addEventListener("click", () => {
      const ring = [...corners, corners[0]].map(({ lat, lng }) => [Number(lng.toFixed(5)), Number(lat.toFixed(5))]);
      untick("territoire", "centre", "trace");
      radius.value = "";
      tick("trace", JSON.stringify({ type: "Polygon", coordinates: [ring] }));
      corners = [];
      draw();
      changed();
    });
    restart.addEventListener("click", () => { corners = []; draw(); });
    map.on("click", ({ latlng }) => {
      if (tool() === "trace" && corners.length < MOST_CORNERS) {
        corners.push(latlng);
        draw();
      }
      if (tool() === "centre") {
        untick("territoire", "centre", "trace");
        radius.value = radius.value || "20";
        tick("centre", `${latlng.lat.toFixed(5)},${latlng.lng.toFixed(5)}`);
        changed();
      }
    });
    // by the keyboard, a click on the cross in the middle, under which the arrows move the map
    place.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target !== place) return;
      event.preventDefault();
      const { left, top, width, height } = place.getBoundingClientRect();
      const at = { bubbles: true, clientX: left + width / 2, clientY: top + height / 2 };
      document.elementFromPoint(at.clientX, at.clientY).dispatchEvent(new MouseEvent("click", at));
    });
    box.addEventListener("change", (event) => {
      if (event.target.name !== "outil") return;
      event.stopPropagation();
      corners = [];
      draw();
      showOutlines();
    });
    map.on("moveend", showTowns);
    map.on("moveend", () => { if (["epci", "commune"].includes(tool())) showOutlines(); });
    choices.addEventListener("htmx:afterSwap", () => showChosen(false));
    box.addEventListener("toggle", () => map.invalidateSize());
    showOutlines();
    showTowns();
    showChosen(true);
  }

  let isLoaded = false;
  box.addEventListener("toggle", () => {
    if (!box.open || isLoaded) return;
    isLoaded = true;
    help.textContent = help.dataset.loading;
    document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: box.dataset.style }));
    const script = Object.assign(document.createElement("script"), { src: box.dataset.script });
    script.addEventListener("load", open);
    script.addEventListener("error", () => { help.textContent = help.dataset.failed; });
    document.head.append(script);
  });
})();

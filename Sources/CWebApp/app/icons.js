// Outlines on a grid of 24x24, drawn in the text's colour.
const outlines = {
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  trash: "M4 7h16M9 7V4.5h6V7M6.5 7l.8 13h9.4l.8-13M10 11v5.5M14 11v5.5",
  stop: "M7 7h10v10H7z",
  again: "M5 12a7 7 0 1 0 2.3-5.2M7.5 3v4h4",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  sliders: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4",
  dice: "M5 5h14v14H5zM9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01",
  columns: "M4 5h16v14H4zM12 5v14",
  crop: "M7 3v14h14M3 7h14v14",
  divide: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15.5 9h.01",
  warning: "M12 4.5L3 19.5h18zM12 10v4.5M12 17h.01",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", "icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", outlines[name]);
  drawing.append(path);
  return drawing;
}

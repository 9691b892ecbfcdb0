// Loads one small module per data-enhance name found on the page; pages work without any of them.
const base = new URL("./enhance/", import.meta.url);
for (const element of document.querySelectorAll("[data-enhance]")) {
  for (const name of element.dataset.enhance.split(" ")) {
    if (!/^[a-z-]+$/.test(name)) continue;
    import(new URL(`${name}.js`, base)).then((module) => module.default(element)).catch((fault) => console.error(name, fault));
  }
}

// Looks at the picture that is open: every text, where it lies and what is behind it. Returns complaints.
(() => {
  const complaints = [];
  const root = document.documentElement;
  if (root.localName !== 'svg') return ['not an SVG document: ' + root.localName];
  const name = (text) => {
    const title = text.querySelector('title');
    return '"' + text.textContent.slice(title ? title.textContent.length : 0).slice(0, 60) + '"';
  };
  const view = root.viewBox.baseVal;
  const page = root.getScreenCTM();
  const outer = {left: page.e, top: page.f, right: page.e + view.width * page.a, bottom: page.f + view.height * page.d};
  const inside = (small, large) => small.left >= large.left - 0.5 && small.right <= large.right + 0.5 &&
      small.top >= large.top - 0.5 && small.bottom <= large.bottom + 0.5;

  const texts = [...document.querySelectorAll('text')].map((element) =>
      ({element, box: element.getBoundingClientRect()}));
  if (texts.length === 0) complaints.push('there is no text');
  for (const {element, box} of texts) {
    if (box.width < 1) complaints.push(name(element) + ' is not drawn');
    if (!inside(box, outer)) complaints.push(name(element) + ' is outside of the picture');
    const own = element.closest('[data-box]');
    if (own && !inside(box, own.querySelector('rect').getBoundingClientRect()))
      complaints.push(name(element) + ' is outside of its box');
  }
  texts.sort((one, other) => one.box.top - other.box.top);
  for (let i = 0; i < texts.length; i++) {
    for (let k = i + 1; k < texts.length && texts[k].box.top < texts[i].box.bottom - 0.5; k++) {
      const one = texts[i].box, other = texts[k].box;
      if (one.left < other.right - 0.5 && other.left < one.right - 0.5 && other.top < one.bottom - 0.5)
        complaints.push(name(texts[i].element) + ' and ' + name(texts[k].element) + ' overlap');
    }
  }

  // WCAG 2.1: relative luminance, contrast ratio.
  const color = (text) => {
    const parts = text.match(/^rgba?\(([^)]*)\)$/);
    const numbers = parts ? parts[1].split(',').map(Number) : [];
    return numbers.length === 3 || numbers[3] === 1 ? numbers : null;
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255)
        .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (x, y) => {
    for (const element of document.elementsFromPoint(x, y)) {
      if (element.localName === 'text' || element === root) continue;
      const style = getComputedStyle(element);
      const local = new DOMPoint(x, y).matrixTransform(element.getScreenCTM().inverse());
      const isFill = style.fill !== 'none' && element.isPointInFill && element.isPointInFill(local);
      return isFill ? style.fill : style.stroke;
    }
    return null;
  };
  for (const {element, box} of texts) {
    const ink = color(getComputedStyle(element).fill);
    let worst = Infinity;
    for (const across of [0.02, 0.25, 0.5, 0.75, 0.98]) {
      for (const down of [0.3, 0.5, 0.75]) {
        const ground = behind(box.left + box.width * across, box.top + box.height * down);
        const rgb = ground === null ? null : color(ground);
        worst = Math.min(worst, ink && rgb ? contrast(ink, rgb) : 0);
      }
    }
    if (worst < 4.5) complaints.push(name(element) + ' has a contrast of ' + worst.toFixed(2));
  }
  return complaints;
})()

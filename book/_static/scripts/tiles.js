// The pictures of chapters come alive: each draws its own lines for two seconds when it comes into view, is touched or focused.
(() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const LASTS = 2000; // milliseconds

  /** @param {Element} element a polyline, with the ball at its end beside it @returns {(share: number) => void} */
  function line(element) {
    const points = (element.getAttribute("points") ?? "")
      .split(" ")
      .map((pair) => pair.split(",").map(Number));
    const ball = element.nextElementSibling;
    return (share) => {
      const place = share * (points.length - 1);
      const at = Math.floor(place);
      const [last, next] = [points[at], points[Math.min(at + 1, points.length - 1)]];
      const tip = last.map((value, axis) => value + (place - at) * (next[axis] - value));
      element.setAttribute("points", [...points.slice(0, at + 1), tip].join(" "));
      ball?.setAttribute("cx", String(tip[0]));
      ball?.setAttribute("cy", String(tip[1]));
    };
  }

  /** @param {Element} group discs that appear one after another @returns {(share: number) => void} */
  function dots(group) {
    const all = [...group.children];
    return (share) => all.forEach((dot, k) => dot.classList.toggle("waits", k >= share * all.length));
  }

  /** @param {Element} tile @returns {() => void} what plays it once */
  function player(tile) {
    const shapes = [
      ...[...tile.querySelectorAll(".tile-line")].map(line),
      ...[...tile.querySelectorAll(".tile-dots")].map(dots),
    ];
    let running = false;
    return () => {
      if (running || calm.matches) return;
      running = true;
      const start = performance.now();
      requestAnimationFrame(function frame(now) {
        const share = Math.min(1, Math.max(0, (now - start) / LASTS));
        for (const show of shapes) show(share);
        running = share < 1;
        if (running) requestAnimationFrame(frame);
      });
    };
  }

  for (const link of document.querySelectorAll("a:has(> svg.tile)")) {
    const play = player(link);
    link.addEventListener("pointerenter", play);
    link.addEventListener("focus", play);
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (!entry.isIntersecting) return;
        seen.disconnect();
        play();
      },
      { threshold: 0.8 },
    );
    seen.observe(link);
  }
})();

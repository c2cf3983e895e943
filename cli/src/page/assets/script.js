// Reloads the main part of the page when the server reports a change. The page can be read without this script.
"use strict";

(() => {
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  if (!live || !news || !window.EventSource) {
    return;
  }

  /** Whether a reload is running, and whether something has changed since it began. */
  let isLoading = false;
  let isStale = false;

  const show = (state, text) => {
    live.dataset.state = state;
    live.textContent = text;
  };

  // What was just done is announced, and the next Tab continues after it.
  const done = document.querySelector("#decided, #done");
  if (done && location.hash === `#${done.id}`) {
    done.focus();
  }

  // A page that says what is wrong with a form stays as it is: a new version would have neither the error nor what was entered.
  const wrong = document.getElementById("wrong");
  if (wrong) {
    wrong.focus();
    show("off", "Not live");
    return;
  }

  const FIELDS = "input[id], textarea[id], select[id]";

  /** Returns whether the viewer has changed a field since the page was made. */
  const isChanged = (field) =>
    field.localName === "select"
      ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue || field.checked !== field.defaultChecked;

  /** Returns what the viewer has entered, chosen and opened, by the ids of the elements. */
  const entered = (main) => {
    const state = new Map();
    for (const field of main.querySelectorAll(FIELDS)) {
      if (isChanged(field)) {
        state.set(field.id, { value: field.value, checked: field.checked });
      }
    }
    for (const details of main.querySelectorAll("details")) {
      state.set(nameOf(details), { open: details.open });
    }
    return state;
  };

  const nameOf = (details) => `details:${details.id || details.className}`;

  const enter = (main, state) => {
    for (const field of main.querySelectorAll(FIELDS)) {
      const known = state.get(field.id);
      if (known) {
        field.value = known.value;
        field.checked = known.checked;
      }
    }
    for (const details of main.querySelectorAll("details")) {
      details.open = state.get(nameOf(details))?.open ?? details.open;
    }
  };

  /** Returns a function that finds the element again that has the focus, in a new version of `main`. */
  const focusIn = (main) => {
    const focused = document.activeElement;
    if (!focused || focused === main || !main.contains(focused)) {
      return () => null;
    }
    const selection = "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
    return (next) => {
      const found = focused.id
        ? next.querySelector(`#${CSS.escape(focused.id)}`)
        : [...next.querySelectorAll(focused.localName)].find(
            (other) => other.getAttribute("href") === focused.getAttribute("href") && other.textContent === focused.textContent,
          );
      if (found && selection && selection[0] !== null) {
        try {
          found.setSelectionRange(...selection);
        } catch {
          // Radio buttons and the like have no selection.
        }
      }
      return found;
    };
  };

  const replace = (next) => {
    const main = document.getElementById("main");
    // The same content: nothing moves, and nothing is announced. Ages such as "5 min ago" do not count.
    const text = (part) => {
      const copy = part.cloneNode(true);
      copy.querySelectorAll(".age").forEach((age) => age.remove());
      return copy.textContent;
    };
    const isSame = text(main) === text(next);
    const state = entered(main);
    const find = focusIn(main);
    const [x, y] = [window.scrollX, window.scrollY];
    main.replaceChildren(...next.childNodes);
    enter(main, state);
    find(main)?.focus({ preventScroll: true });
    window.scrollTo(x, y);
    if (!isSame) {
      news.textContent = `The page was updated at ${new Date().toISOString().slice(11, 19)}.`;
    }
    // For tests, which wait for it.
    document.documentElement.dataset.loads = String(Number(document.documentElement.dataset.loads ?? 0) + 1);
  };

  const reload = async () => {
    if (isLoading) {
      isStale = true;
      return;
    }
    isLoading = true;
    try {
      do {
        isStale = false;
        const response = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
        if (response.redirected || response.status === 401) {
          // The session has ended.
          show("off", "Signed out");
          source.close();
          return;
        }
        const next = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
        // A page whose subject is gone stays as it is, so that it does not disappear while it is read.
        if (response.ok && next) {
          replace(next);
        } else {
          news.textContent = "This page is out of date.";
          show("off", "Out of date");
        }
      } while (isStale);
    } catch {
      // The server is not reached: the connection is lost as well, and the page is reloaded when it is back.
    } finally {
      isLoading = false;
    }
  };

  const source = new EventSource("/live");
  source.addEventListener("hello", () => {
    show("on", "Live");
    // What changed between the page and the connection was not reported.
    reload();
  });
  source.addEventListener("changed", reload);
  source.addEventListener("error", () => {
    show("off", source.readyState === EventSource.CLOSED ? "Not live" : "Connecting");
  });
  // A page that the browser keeps for its Back button would otherwise hold a connection.
  window.addEventListener("pagehide", () => source.close());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      location.reload();
    }
  });
})();

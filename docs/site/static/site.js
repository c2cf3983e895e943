// Makes programs and tables that are wider than the page reachable with the keyboard, so that they can be scrolled with it.
const focusable = () => {
  for (const element of document.querySelectorAll("article pre, article .table-wrapper")) {
    if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  }
};
addEventListener("load", focusable);
addEventListener("resize", focusable);
// The programs of the other tabs are not laid out before their tab is chosen.
addEventListener("change", focusable);

// How the search ranks pages: Sphinx's own weights, and guides, and the tables of the reference, before the pages about one name that have the same words.
var Scorer = {
  score: ([docname, , , , score]) => (/^docs\/|^reference\/\w+$/.test(docname) ? score + 12 : docname.startsWith("reference/node/") ? score - 4 : score),
  objNameMatch: 20,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

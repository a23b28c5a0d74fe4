// What the server tells every script of the page.

export const root = document.querySelector('meta[name="bullrush-root"]').content;

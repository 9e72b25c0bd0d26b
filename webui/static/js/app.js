// The frame's own behaviour: connection state, engine clock, dialog. Everything shown comes from the server.
'use strict';
(() => {
  const body = document.body;
  const offline = document.getElementById('offline');
  const SHOW_LOSS_AFTER_MS = 1500; // a restart of the server is shorter than that
  let lostAt = 0;
  let timer = 0;

  function tellLoss() {
    offline.hidden = false;
    body.dataset.lost = '';
    offline.querySelector('[data-ago]').textContent = `${Math.round((Date.now() - lostAt) / 1000)} s`;
  }

  document.addEventListener('htmx:ws:after:connection', () => {
    body.dataset.socket = 'open';
    delete body.dataset.lost;
    clearInterval(timer);
    timer = 0;
    lostAt = 0;
    offline.hidden = true;
    document.dispatchEvent(new CustomEvent('baeu:online'));
  });

  document.addEventListener('htmx:ws:close', () => {
    body.dataset.socket = 'closed';
    lostAt ||= Date.now();
    if (!timer) timer = setInterval(() => Date.now() - lostAt >= SHOW_LOSS_AFTER_MS && tellLoss(), 500);
  });

  // <page-boot value>: the server process. Another one knows nothing of this page's tokens: load it again.
  customElements.define('page-boot', class extends HTMLElement {
    static observedAttributes = ['value'];

    attributeChangedCallback(_name, before, now) {
      if (before !== null && before !== now) location.reload();
    }
  });

  // <engine-clock at speed runs>: milliseconds UTC as last heard; runs on by itself between two messages.
  const kst = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'Asia/Seoul', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
  customElements.define('engine-clock', class extends HTMLElement {
    static observedAttributes = ['at', 'speed', 'runs'];

    connectedCallback() {
      this.timer = setInterval(() => this.tick(), 250);
    }

    disconnectedCallback() {
      clearInterval(this.timer);
    }

    attributeChangedCallback() {
      this.heard = performance.now();
    }

    tick() {
      const at = Number(this.getAttribute('at'));
      if (!at) return;
      const runs = this.getAttribute('runs') === 'yes' && body.dataset.socket === 'open';
      const since = runs ? (performance.now() - this.heard) * Number(this.getAttribute('speed')) : 0;
      this.textContent = kst.format(at + since);
    }
  });

  const dialog = document.getElementById('dialog');
  const modal = document.getElementById('modal');
  document.addEventListener('htmx:after:swap', () => {
    if (modal.firstElementChild && !dialog.open) {
      dialog.showModal();
    }
    if (dialog.open && !modal.contains(document.activeElement)) modal.querySelector('[autofocus]')?.focus();
  });
  document.addEventListener('click', (event) => {
    if (event.target.closest('[data-close]')) dialog.close();
  });
  dialog.addEventListener('close', () => modal.replaceChildren());
})();

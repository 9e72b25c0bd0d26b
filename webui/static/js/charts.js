// <equity-chart src> draws the equity curve and its drawdown; <live-point for> moves its end.
// A live point is an ordinary pushed fragment: when its attributes change, the chart is told.
'use strict';
(() => {
  const LC = window.LightweightCharts;
  const KST_S = 9 * 3600; // the library knows UTC only
  const HOUR_S = 3600;
  const charts = new Map();
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const alpha = (hex, part) => hex + Math.round(part * 255).toString(16).padStart(2, '0');
  const won = (value) => Math.round(value).toLocaleString('en-US');

  function options() {
    const line = css('--line');
    const cross = { color: '#55647a', width: 1, style: 3, labelBackgroundColor: '#2a3646' };
    return {
      autoSize: true,
      layout: {
        background: { color: 'transparent' },
        textColor: css('--text-3'),
        fontFamily: css('--sans'),
        fontSize: 11,
        attributionLogo: false, // it injects a style element, which the page's policy forbids; the footer names its makers
        panes: { separatorColor: line, separatorHoverColor: css('--line-2') },
      },
      grid: { vertLines: { color: '#151c26' }, horzLines: { color: '#151c26' } },
      crosshair: { mode: LC.CrosshairMode.Normal, vertLine: cross, horzLine: cross },
      rightPriceScale: { borderColor: line, minimumWidth: 84 },
      timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, rightOffset: 4 },
      localization: { locale: document.documentElement.lang },
    };
  }

  class EquityChart extends HTMLElement {
    connectedCallback() {
      this.hours = 24;
      this.touched = false;
      this.end = 0;
      this.empty = document.getElementById(`${this.id}-empty`);
      this.legend = document.getElementById(`${this.id}-legend`);
      this.build();
      charts.set(this.id, this);
      this.online = () => this.load();
      document.addEventListener('baeu:online', this.online);
      for (const kind of ['wheel', 'pointerdown']) {
        this.addEventListener(kind, () => { this.touched = true; }, { passive: true });
      }
      for (const button of document.querySelectorAll(`[data-range="${this.id}"] button`)) {
        button.addEventListener('click', () => this.choose(button));
      }
      this.load();
    }

    disconnectedCallback() {
      charts.delete(this.id);
      document.removeEventListener('baeu:online', this.online);
      this.chart.remove();
    }

    build() {
      const accent = css('--accent');
      const fall = css('--red');
      this.chart = LC.createChart(this, options());
      this.value = this.chart.addSeries(LC.AreaSeries, {
        lineColor: accent, lineWidth: 2, topColor: alpha(accent, 0.28), bottomColor: alpha(accent, 0.01),
        priceLineColor: accent, priceLineStyle: 3, crosshairMarkerRadius: 4,
        priceFormat: { type: 'custom', minMove: 1, formatter: won },
      });
      this.fall = this.chart.addSeries(LC.AreaSeries, {
        invertFilledArea: true, lineColor: alpha(fall, 0.8), lineWidth: 1, topColor: alpha(fall, 0.05),
        bottomColor: alpha(fall, 0.3), priceLineVisible: false, lastValueVisible: false, title: this.dataset.drawdown,
        priceFormat: { type: 'custom', minMove: 0.01, formatter: (x) => `${x.toFixed(Math.abs(x) < 1 ? 2 : 1)}%` },
        autoscaleInfoProvider: (original) => {
          const found = original();
          if (found) found.priceRange.minValue = Math.min(found.priceRange.minValue, -0.1);
          if (found) found.priceRange.maxValue = 0;
          return found;
        },
      }, 1);
      this.chart.panes()[1].setHeight(84);
      this.chart.subscribeCrosshairMove((at) => this.tell(at.seriesData?.get(this.value), at.seriesData?.get(this.fall)));
    }

    async load() {
      const answer = await fetch(this.getAttribute('src'), { credentials: 'same-origin' }).catch(() => null);
      if (!answer?.ok || !this.isConnected) return; // the next connection asks again
      const data = await answer.json();
      this.count = data.t.length;
      this.first = data.t[0] ?? 0;
      this.end = data.t.at(-1) ?? 0;
      this.value.setData(data.t.map((t, i) => ({ time: t + KST_S, value: data.v[i] })));
      this.fall.setData(data.t.map((t, i) => ({ time: t + KST_S, value: data.dd[i] })));
      this.dataset.ready = '';
      document.querySelector(`live-point[for="${this.id}"]`)?.tell(); // it may be newer than the recorded points
      this.fit();
    }

    point(second, value, fall) {
      if (!('ready' in this.dataset) || second < this.end) return; // the library throws on older times
      const moved = second > this.end;
      if (moved) this.count += 1;
      this.first ||= second;
      this.end = second;
      this.value.update({ time: second + KST_S, value });
      this.fall.update({ time: second + KST_S, value: fall });
      this.updates = (this.updates ?? 0) + 1;
      if (moved && !this.touched) this.fit();
    }

    choose(button) {
      for (const other of button.parentNode.children) other.setAttribute('aria-pressed', String(other === button));
      this.hours = Number(button.dataset.hours);
      this.touched = false;
      this.fit();
    }

    fit() {
      if (this.empty) this.empty.hidden = this.count > 1;
      if (!this.count) return;
      const span = this.end - this.first;
      const scale = this.chart.timeScale();
      scale.applyOptions({ rightOffset: Math.min(4, this.count / 40) }); // the offset counts in points
      if (!this.hours || span <= this.hours * HOUR_S) scale.fitContent();
      else scale.setVisibleRange({ from: this.end - this.hours * HOUR_S + KST_S, to: this.end + KST_S });
    }

    tell(value, fall) {
      if (!this.legend) return;
      const parts = value ? [`${won(value.value)} KRW`, `${this.dataset.drawdown} ${fall ? fall.value.toFixed(2) : '–'}%`] : [];
      this.legend.replaceChildren(...parts.map((text) => {
        const part = document.createElement('b');
        part.textContent = text;
        return part;
      }));
    }
  }

  class LivePoint extends HTMLElement {
    static observedAttributes = ['t', 'v', 'dd'];

    attributeChangedCallback() {
      if (this.queued) return; // three attributes, one update
      this.queued = true;
      queueMicrotask(() => {
        this.queued = false;
        this.tell();
      });
    }

    tell() {
      const [second, value, fall] = ['t', 'v', 'dd'].map((name) => parseFloat(this.getAttribute(name)));
      if ([second, value, fall].every(Number.isFinite)) charts.get(this.getAttribute('for'))?.point(second, value, fall);
    }
  }

  customElements.define('equity-chart', EquityChart);
  customElements.define('live-point', LivePoint);
})();

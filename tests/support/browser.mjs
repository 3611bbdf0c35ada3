// browser.mjs - the page as four people see it: desktop and phone, light and dark; watched all the time.
//
//   const views = await Views.open(stack.page);
//   await views.desktop.click('#fire-alarm');
//   await views.shoot('alarm-card');
//   views.problems                      // whatever a console, the policy or the network complained about
import { createRequire } from 'node:module';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { root } from './stack.mjs';

const { chromium } = createRequire(path.join(root, 'tests/judges/package.json'))('playwright-core');
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
export const screens = path.join(root, 'tests/artefacts/screens');
const sizes = {
  desktop: [1280, 900, 'light'], 'desktop-dark': [1280, 900, 'dark'], phone: [390, 844, 'light'], 'phone-dark': [390, 844, 'dark'],
};

export class Views {
  static async open(url) {
    const views = new Views();
    views.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
    views.problems = [];
    views.all = {};
    for (const [name, [width, height, colorScheme]] of Object.entries(sizes)) views.all[name] = await views.page(url, name, { viewport: { width, height }, colorScheme });
    return views;
  }

  get desktop() {
    return this.all.desktop;
  }

  get phone() {
    return this.all.phone;
  }

  async page(url, name, options = {}) {
    const context = await this.browser.newContext({ locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', ...options });
    context.on('page', (page) => this.watch(page, name));
    await context.addInitScript(() => {
      window.brokenPolicies = [];
      document.addEventListener('securitypolicyviolation', (event) => window.brokenPolicies.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    context.setDefaultTimeout(120000); // for a busy machine
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForSelector('.person', { state: 'attached' });
    return page;
  }

  watch(page, name) {
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && this.problems.push(`${name} console: ${message.text()} (${message.location().url})`));
    page.on('pageerror', (error) => this.problems.push(`${name}: ${error}`));
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') this.problems.push(`${name} asks ${request.url()}`);
    });
  }

  async each(work) {
    await Promise.all(Object.entries(this.all).map(([name, page]) => work(page, name)));
  }

  // Everybody becomes the same person; on a phone through the menu.
  async actAs(role) {
    await this.each(async (page) => {
      const isPhone = await page.locator('#menu').isVisible();
      if (isPhone) await page.click('#menu');
      await page.click(`[data-role="${role}"]`);
    });
  }

  async shoot(name) {
    await mkdir(screens, { recursive: true });
    await this.each((page, view) => page.screenshot({ path: path.join(screens, `${name}-${view}.png`) }));
  }

  async close() {
    await this.browser.close();
  }
}

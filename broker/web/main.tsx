// Starts the page.
import { render } from "preact";
import { App } from "./app.tsx";
import { askWhoIAm, MeContext, nobody, type Me } from "./me.ts";
import { createStore, StoreContext } from "./store.ts";
import { chosenTheme, setTheme } from "./theme.ts";

setTheme(chosenTheme());
const place = document.getElementById("page");
if (place) {
  const store = createStore();
  const show = (me: Me) =>
    render(
      <StoreContext.Provider value={store}>
        <MeContext.Provider value={me}>
          <App />
        </MeContext.Provider>
      </StoreContext.Provider>,
      place,
    );
  // At once: what may be done is offered as soon as it is known.
  show(nobody);
  void askWhoIAm(store.api).then(show);
}

// Starts the page.
import { render } from "preact";
import { App } from "./app.tsx";
import { createStore, StoreContext } from "./store.ts";
import { chosenTheme, setTheme } from "./theme.ts";

setTheme(chosenTheme());
const place = document.getElementById("page");
if (place) {
  render(
    <StoreContext.Provider value={createStore()}>
      <App />
    </StoreContext.Provider>,
    place,
  );
}

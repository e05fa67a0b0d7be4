document.title += " – welcome";
